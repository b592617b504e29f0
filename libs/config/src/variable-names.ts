import type { KeyNode, KeyPath, SectionNode } from './key-tree.js';

/** Where a variable points. Below a map or a free section nobody knows the names; `below` counts the steps taken there. */
export interface VariableTarget {
  readonly path: KeyPath;
  readonly node: KeyNode;
  readonly below: number;
}

/** What a variable sets, from the part of its name after `REGISTRY_`; undefined where there is no such key. */
export function targetOf(tree: KeyNode, name: string): VariableTarget | undefined {
  return resolve(tree, name.split('_'));
}

/** The variables for all keys that a file may have outside of lists. */
export function* variableNames(tree: KeyNode, prefix = 'REGISTRY'): Generator<string> {
  if (tree.shape !== 'section') return;
  for (const [name, key] of tree.keys) {
    const variable = `${prefix}_${key.doc.variable ?? name.toUpperCase()}`;
    yield variable;
    yield* variableNames(key, variable);
  }
}

function resolve(node: KeyNode, words: readonly string[]): VariableTarget | undefined {
  if (words.length === 0) return { path: [], node, below: 0 };
  if (words.includes('')) return undefined;
  switch (node.shape) {
    case 'section':
      return resolveKey(node, words);
    case 'list': {
      const [index = '', ...more] = words;
      return /^\d{1,4}$/.test(index) ? under(Number(index), resolve(node.item, more)) : undefined;
    }
    case 'map':
      return inside(node, isHeaders(node) ? headerPath(words) : [caseOf(words.join('_'))]);
    case 'free':
      return inside(node, words.map(caseOf));
    case 'value':
      return undefined;
  }
}

function resolveKey(node: SectionNode, words: readonly string[]): VariableTarget | undefined {
  for (const [name, key] of node.keys) {
    for (const spelling of [name.toUpperCase(), key.doc.variable]) {
      if (spelling === undefined) continue;
      // A key may have underscores of its own.
      const length = spelling.split('_').length;
      if (words.slice(0, length).join('_').toUpperCase() !== spelling) continue;
      const target = under(name, resolve(key, words.slice(length)));
      if (target !== undefined) return target;
    }
  }
  return undefined;
}

function under(step: string | number, target: VariableTarget | undefined) {
  return target && { ...target, path: [step, ...target.path] };
}

function inside(node: KeyNode, path: KeyPath): VariableTarget {
  return { path, node, below: path.length };
}

function isHeaders(node: KeyNode): boolean {
  return node.doc.kind === 'headers' || node.doc.kind === 'secret headers';
}

/** `X_CONTENT_TYPE_OPTIONS_0` is the first value of `X-Content-Type-Options`: a shell cannot write the hyphens. */
function headerPath(words: readonly string[]): KeyPath {
  const indexed = words.length > 1 && /^\d{1,4}$/.test(words.at(-1) ?? '');
  const name = (indexed ? words.slice(0, -1) : words).join('-');
  const header = /[a-z]/.test(name) ? name : capitalized(name);
  return indexed ? [header, Number(words.at(-1))] : [header];
}

function capitalized(header: string): string {
  return header.toLowerCase().replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

function caseOf(name: string): string {
  return /[a-z]/.test(name) ? name : name.toLowerCase();
}
