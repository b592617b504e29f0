import { isSection } from './document.js';
import type { DocumentValue } from './document.js';
import { isSecret } from './key-tree.js';
import type { KeyPath } from './key-tree.js';
import type { LoadedConfig } from './load-config.js';
import type { Setting } from './settings.js';

const mask = '******';
const column = 48;

type Branch = Map<string | number, Branch | Setting>;

interface Line {
  readonly text: string;
  readonly source?: string;
}

/** The effective configuration as a file that gives the same, each value with where it came from. Secrets are masked. */
export function printConfig(loaded: LoadedConfig<unknown>): string {
  const root: Branch = new Map();
  for (const setting of loaded.settings.values()) {
    const { ignored, refused, only } = setting.node.doc;
    const obeyed = (ignored ?? refused) === undefined || only !== undefined;
    const idle = setting.source === 'default' && !obeyed;
    if (!idle) place(root, setting.path, setting);
  }
  return block(root)
    .map(({ text, source }) => (source ? `${text.padEnd(column)} # ${source}\n` : `${text}\n`))
    .join('');
}

function place(branch: Branch, [step = '', ...rest]: KeyPath, setting: Setting): void {
  if (rest.length === 0) {
    branch.set(step, setting);
    return;
  }
  let inner = branch.get(step);
  if (!(inner instanceof Map)) branch.set(step, (inner = new Map()));
  place(inner, rest, setting);
}

function block(branch: Branch): readonly Line[] {
  return [...branch].flatMap(([step, inner]): readonly Line[] => {
    if (!(inner instanceof Map)) return [leaf(step, inner)];
    const lines = block(inner);
    if (typeof step === 'string') return [{ text: `${name(step)}:` }, ...lines.map(indented('  '))];
    return lines.map((line, index) => indented(index === 0 ? '- ' : '  ')(line));
  });
}

function indented(lead: string): (line: Line) => Line {
  return (line) => ({ ...line, text: lead + line.text });
}

function leaf(step: string | number, { node, value, source }: Setting): Line {
  const lead = typeof step === 'number' ? '-' : `${name(step)}:`;
  return { text: `${lead} ${shown(value, isSecret(node))}`, source };
}

function name(step: string | number): string {
  return typeof step === 'string' && /^[\w.-]+$/.test(step) ? step : JSON.stringify(String(step));
}

function shown(value: DocumentValue, masked: boolean): string {
  if (value === null) return '';
  if (Array.isArray(value)) return `[${value.map((entry) => shown(entry, masked)).join(', ')}]`;
  if (isSection(value)) {
    const entries = Object.entries(value).map(
      ([key, entry]) => `${name(key)}: ${shown(entry, masked)}`,
    );
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  if (masked) return `"${mask}"`;
  const text = value.replace(/:\/\/[^\s/]*@/, `://${mask}@`);
  return /^[A-Za-z0-9/][\w./+-]*$/.test(text) ? text : JSON.stringify(text);
}
