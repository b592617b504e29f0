import { isSection } from './document.js';
import type { DocumentValue } from './document.js';
import { keyText } from './key-text.js';
import type { KeyNode, KeyPath } from './key-tree.js';

/** A key that has a value. */
export interface Setting {
  readonly path: KeyPath;
  readonly node: KeyNode;
  /** As the file would say it. */
  readonly value: DocumentValue;
  /** `file`, `environment NAME` or `default`. */
  readonly source: string;
}

/** All that is set in a document, key by key; with `presets` also what is not and has a default. */
export function settingsOf(
  tree: KeyNode,
  document: DocumentValue,
  { presets = false } = {},
): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  collect(tree, document, []);
  return settings;

  function collect(node: KeyNode, value: DocumentValue | undefined, path: KeyPath): void {
    if (node.shape === 'section' && isSection(value ?? {})) {
      const section = isSection(value) ? value : {};
      for (const [name, key] of node.keys) {
        const absent = section[name] === undefined;
        if (absent && !(presets && (key.shape !== 'section' || key.preset !== undefined))) continue;
        collect(key, section[name], [...path, name]);
      }
      return;
    }
    if (node.shape === 'list' && Array.isArray(value) && node.item.shape === 'section') {
      for (const [index, entry] of value.entries()) collect(node.item, entry, [...path, index]);
      return;
    }
    if (node.shape === 'map' && isSection(value) && Object.keys(value).length > 0) {
      for (const [name, entry] of Object.entries(value)) {
        const below = [...path, name];
        settings.set(keyText(below), { path: below, node, value: entry, source: 'default' });
      }
      return;
    }
    const shown = value ?? (presets ? presetText(node.preset) : undefined);
    if (shown === undefined) return;
    settings.set(keyText(path), { path, node, value: shown, source: 'default' });
  }
}

/** A default as the file would say it. */
export function presetText(preset: unknown): DocumentValue | undefined {
  if (Array.isArray(preset)) return preset.map((entry) => presetText(entry) ?? null);
  if (typeof preset === 'string') return preset;
  if (typeof preset === 'number' || typeof preset === 'boolean') return String(preset);
  return isSection(preset) && Object.keys(preset).length === 0 ? {} : undefined;
}
