import type { z } from 'zod';

import type { DocumentValue } from './document.js';
import { isSection } from './document.js';
import type { ValueKind } from './key-docs.js';
import { keyText } from './key-text.js';
import { nodeAt } from './key-tree.js';
import type { KeyNode, KeyPath } from './key-tree.js';

const expectations: Readonly<Record<ValueKind, string>> = {
  text: 'expected text that is not empty',
  boolean: 'expected true or false',
  integer: 'expected a whole number',
  duration: 'expected a duration such as 10s, 168h or 1h30m',
  size: 'expected a size such as 10MB, 64KiB or 5242880',
  word: 'expected one of its words',
  pattern: 'expected a regular expression',
  secret: 'expected text that is not empty',
  headers: 'expected names of headers, each with a value or a list of values',
  'secret headers': 'expected names of headers, each with a value or a list of values',
  free: 'expected another value',
};

const shownKinds = new Set<ValueKind>([
  'text',
  'boolean',
  'integer',
  'duration',
  'size',
  'word',
  'pattern',
]);

/** One line about a value that the schema refused: key, value unless it may be secret, and what is expected. */
export function complaint(
  tree: KeyNode,
  document: DocumentValue,
  issue: z.core.$ZodIssue,
): { path: KeyPath; message: string } {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  const node = nodeAt(tree, path);
  const value = valueAt(document, path);
  const expected = issue.message.startsWith('expected ') ? issue.message : expectation(node);
  if (value === undefined && node?.shape !== 'section') {
    return { path, message: `${keyText(path)} is missing: ${expected}` };
  }
  return { path, message: `${keyText(path)}${shownValue(node, value)}: ${expected}` };
}

function expectation(node: KeyNode | undefined): string {
  if (node?.shape === 'section') return 'expected a section';
  if (node?.shape === 'list') return 'expected a list';
  return expectations[node?.doc.kind ?? 'free'];
}

function shownValue(node: KeyNode | undefined, value: DocumentValue | undefined): string {
  if (typeof value !== 'string' || node === undefined || node.shape === 'section') return '';
  const kind = node.doc.kind ?? 'free';
  if (!shownKinds.has(kind) || value.includes('\n')) return ' has a value that cannot be used';
  const cut = value.length > 60 ? `${value.slice(0, 60)}…` : value;
  return ` is ${JSON.stringify(cut.replace(/\S*@/, '******@'))}`;
}

function valueAt(document: DocumentValue, path: KeyPath): DocumentValue | undefined {
  let value: DocumentValue | undefined = document;
  for (const step of path) {
    if (Array.isArray(value)) value = value[Number(step)];
    else if (isSection(value)) value = value[step];
    else return undefined;
  }
  return value;
}
