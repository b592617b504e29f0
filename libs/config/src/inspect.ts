import { isSection } from './document.js';
import type { DocumentSection, DocumentValue } from './document.js';
import { keyText, nearest } from './key-text.js';
import { choices } from './key-tree.js';
import type { KeyNode, KeyPath, SectionNode } from './key-tree.js';
import { newSection } from './normalize.js';

export interface Problem {
  readonly path: KeyPath;
  readonly message: string;
}

/** What a schema cannot say about a document: names that nobody knows, and keys that are known but not obeyed. */
export class Inspection {
  readonly problems: Problem[] = [];
  readonly warnings: string[] = [];

  constructor(private readonly tree: KeyNode) {}

  /** @returns the document without what is wrong with it, for the schema to judge the rest. */
  run(document: DocumentSection): DocumentValue {
    return this.#look(this.tree, document, [], false) ?? newSection();
  }

  #look(
    node: KeyNode,
    value: DocumentValue,
    path: KeyPath,
    quiet: boolean,
  ): DocumentValue | undefined {
    const { refused, ignored, outdated, harmless } = node.doc;
    const matters = !harmless?.(value);
    if (refused !== undefined && matters) {
      return this.#problem(path, `${keyText(path)} is refused: ${refused}`);
    }
    const warned = ignored !== undefined && matters;
    if (warned && !quiet) this.warnings.push(`${keyText(path)} is not supported: ${ignored}`);
    if (outdated !== undefined) this.warnings.push(`${keyText(path)} is outdated: ${outdated}`);
    return this.#parts(node, value, path, quiet || warned);
  }

  #parts(
    node: KeyNode,
    value: DocumentValue,
    path: KeyPath,
    quiet: boolean,
  ): DocumentValue | undefined {
    switch (node.shape) {
      case 'section':
        if (!isSection(value)) return this.#problem(path, `${keyText(path)}: expected a section`);
        return this.#section(node, value, path, quiet);
      case 'list':
        if (!Array.isArray(value)) return this.#problem(path, `${keyText(path)}: expected a list`);
        return value.map(
          (entry, index) => this.#look(node.item, entry, [...path, index], quiet) ?? null,
        );
      case 'map':
        if (isSection(value)) return value;
        return this.#problem(path, `${keyText(path)}: expected names and values below it`);
      case 'value':
        if (typeof value === 'string') return value;
        return this.#problem(path, `${keyText(path)}: expected one value, not a list or a section`);
      case 'free':
        return value;
    }
  }

  #section(
    node: SectionNode,
    section: DocumentSection,
    path: KeyPath,
    quiet: boolean,
  ): DocumentSection {
    const chosen = choices(node).filter((name) => name in section);
    if (chosen.length > 1) {
      const names = chosen.join(' and ');
      this.#problem(path, `${keyText(path)}: ${names} exclude each other; keep one of them`);
    }
    const known = newSection();
    for (const [name, value] of Object.entries(section)) {
      const key = node.keys.get(name);
      if (key === undefined) this.#unknown(node, [...path, name], name);
      else {
        const seen = this.#look(key, value, [...path, name], quiet);
        if (seen !== undefined) known[name] = seen;
      }
    }
    return known;
  }

  #unknown(node: SectionNode, path: KeyPath, name: string): void {
    const sibling = nearest(name, node.keys.keys());
    const meant =
      sibling === undefined ? this.#keysNamed(name)[0] : keyText([...path.slice(0, -1), sibling]);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    this.#problem(path, `${keyText(path)} is not a known key${hint}`);
  }

  /** Keys of that name elsewhere: the most frequent mistake is a wrong indent. */
  #keysNamed(name: string, node: KeyNode = this.tree, path: KeyPath = []): readonly string[] {
    if (node.shape !== 'section') return [];
    return [...node.keys].flatMap(([key, inner]) => [
      ...(key === name ? [keyText([...path, key])] : []),
      ...this.#keysNamed(name, inner, [...path, key]),
    ]);
  }

  #problem(path: KeyPath, message: string): undefined {
    this.problems.push({ path, message });
  }
}
