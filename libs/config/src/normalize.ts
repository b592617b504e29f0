import { isSection } from './document.js';
import type { DocumentSection, DocumentValue } from './document.js';
import { choices } from './key-tree.js';
import type { KeyNode, SectionNode } from './key-tree.js';

/**
 * The short ways to write something, written out: `storage: inmemory` for a section that chooses, one value for a list of
 * one, nothing at all for an empty section. A value of nothing, or of no text, is a value that is not set, as in Go.
 */
export function normalize(node: KeyNode, value: DocumentValue): DocumentValue | undefined {
  switch (node.shape) {
    case 'section':
      return normalizeSection(node, value);
    case 'list':
      if (value === null) return undefined;
      if (!Array.isArray(value)) {
        return typeof value === 'string' && node.item.shape === 'value' ? [value] : value;
      }
      return value.map((entry) => normalize(node.item, entry) ?? '');
    case 'map':
      return value === null ? undefined : withoutNothing(value);
    case 'value':
      return value === '' ? undefined : (value ?? undefined);
    case 'free':
      return value;
  }
}

function normalizeSection(node: SectionNode, value: DocumentValue): DocumentValue {
  if (value === null) return newSection();
  if (typeof value === 'string' && choices(node).length > 0) {
    return newSection([[value, newSection()]]);
  }
  if (!isSection(value)) return value;
  const entries = Object.entries(value).map(([name, entry]) => {
    const key = node.keys.get(name);
    return [name, key === undefined ? entry : normalize(key, entry)] as const;
  });
  return newSection(entries.filter((entry) => entry[1] !== undefined));
}

/** Below a map the schema has no say, so nothing is empty text there. */
function withoutNothing(value: DocumentValue): DocumentValue {
  if (value === null) return '';
  if (Array.isArray(value)) return value.map(withoutNothing);
  if (!isSection(value)) return value;
  return newSection(Object.entries(value).map(([name, entry]) => [name, withoutNothing(entry)]));
}

export function newSection(
  entries: readonly (readonly [string, DocumentValue | undefined])[] = [],
): DocumentSection {
  const section: DocumentSection = Object.create(null);
  for (const [name, value] of entries) if (value !== undefined) section[name] = value;
  return section;
}
