import type { DocumentSection, DocumentValue } from './document.js';
import { isServiceLink } from './environment.js';
import { nearest } from './key-text.js';
import { choices } from './key-tree.js';
import type { KeyNode, KeyPath, SectionNode } from './key-tree.js';
import { normalize } from './normalize.js';
import { readYaml, YamlError } from './read-yaml.js';
import { targetOf, variableNames } from './variable-names.js';
import type { VariableTarget } from './variable-names.js';
import { choose, write } from './write-document.js';

/** Below these a mistyped variable would leave the registry more open than was meant. */
const guarded = ['REGISTRY_AUTH_', 'REGISTRY_HTTP_TLS_'];

/** And so would an empty one here, such as `${CERTIFICATE}` becomes where nobody has set it. */
function isGuarded(path: KeyPath): boolean {
  return path[0] === 'auth' || path.includes('tls');
}

export interface Overlay {
  readonly problems: string[];
  readonly warnings: string[];
  /** Which variable set what, in the order in which they were applied. */
  readonly origins: { readonly path: KeyPath; readonly variable: string }[];
}

/** Writes the variables into the document: shorter paths first, so that a variable can refine what another has set. */
export function overlay(
  tree: KeyNode,
  document: DocumentSection,
  variables: ReadonlyMap<string, string>,
): Overlay {
  const result: Overlay = { problems: [], warnings: [], origins: [] };
  const settings: { variable: string; text: string; target: VariableTarget }[] = [];
  for (const [variable, text] of variables) {
    if (variable === 'REGISTRY_CONFIGURATION_PATH') continue;
    const target = targetOf(tree, variable.slice('REGISTRY_'.length));
    if (target !== undefined && target.path[0] !== 'version') {
      settings.push({ variable, text, target });
    } else if (!isServiceLink(variable, text)) unknown(tree, variable, result);
  }
  settings.sort((a, b) => comparePaths(a.target.path, b.target.path));
  for (const { variable, text, target } of settings)
    apply(document, variable, text, target, result);
  return result;
}

function comparePaths(a: KeyPath, b: KeyPath): number {
  if (a.length !== b.length) return a.length - b.length;
  const index = a.findIndex((step, at) => step !== b[at]);
  const [left = '', right = ''] = [a[index], b[index]];
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  return String(left) < String(right) ? -1 : 1;
}

function unknown(tree: KeyNode, variable: string, result: Overlay): void {
  const known = nearest(variable, variableNames(tree));
  const hint = known === undefined ? '' : `; did you mean ${known}?`;
  const shown = /^\w{1,200}$/.test(variable) ? variable : 'a variable whose name is not a word';
  if (guarded.some((start) => variable.startsWith(start))) {
    result.problems.push(`${shown} is not a setting${hint}`);
  } else {
    result.warnings.push(`${shown} is not a setting and is ignored${hint}`);
  }
}

function apply(
  document: DocumentSection,
  variable: string,
  text: string,
  { node, path, below }: VariableTarget,
  result: Overlay,
): void {
  const problem = (message: string) => void result.problems.push(`${variable}: ${message}`);
  let value: DocumentValue | undefined;
  if (node.shape === 'value' || (below > 0 && !/^\s*[[{]/.test(text))) {
    value = plainText(text);
  } else {
    const parsed = parse(text);
    if (parsed instanceof YamlError) return problem(`cannot be read as YAML: ${parsed.message}`);
    if (parsed === null && isGuarded(path)) return empty(variable, node, result);
    if (node.shape === 'section' && parsed === null) {
      result.warnings.push(`${variable} is empty and is ignored`);
      return;
    }
    if (node.shape === 'section' && typeof parsed === 'string') {
      return chooseByName(document, variable, parsed, node, path, result);
    }
    value = below > 0 ? parsed : normalize(node, parsed);
  }
  if (value === undefined && isGuarded(path)) return empty(variable, node, result);
  if (write(document, path, value)) result.origins.push({ path, variable });
  else problem('what it belongs to is not there; lists are filled from 0 on, without gaps');
}

function empty(variable: string, node: KeyNode, result: Overlay): void {
  const open = node.shape === 'section' && choices(node).includes('none');
  const hint = open ? '; none lets everybody in' : '';
  result.problems.push(`${variable} is empty: give it a value, or leave it out${hint}`);
}

function chooseByName(
  document: DocumentSection,
  variable: string,
  name: string,
  node: SectionNode,
  path: KeyPath,
  result: Overlay,
): void {
  const names = choices(node);
  if (names.length === 0) {
    result.problems.push(`${variable}: expected a section, written as YAML or JSON`);
  } else if (!names.includes(name)) {
    result.problems.push(`${variable}: expected one of ${names.join(', ')}, or a section as YAML`);
  } else if (choose(document, path, name, names)) {
    result.origins.push({ path: [...path, name], variable });
  } else {
    result.problems.push(`${variable}: what it belongs to is not a section in the file`);
  }
}

function parse(text: string): DocumentValue | YamlError {
  try {
    return readYaml(text);
  } catch (error) {
    if (error instanceof YamlError) return error;
    throw error;
  }
}

/** The text itself, without the white space of a file it came from and without quotes that no shell has taken off. */
function plainText(text: string): DocumentValue | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (!/^(["']).*\1$/s.test(trimmed)) return trimmed;
  const unquoted = parse(trimmed);
  return typeof unquoted === 'string' ? unquoted : trimmed;
}
