import { z } from 'zod';

import { keyDocs } from './key-docs.js';
import type { KeyDoc } from './key-docs.js';

interface KeyFacts {
  readonly description: string | undefined;
  readonly doc: KeyDoc;
  /** As the file or the code says it; undefined where there is none. */
  readonly preset: unknown;
  /** Must be set by whoever uses the section it is in. */
  readonly required: boolean;
}

/** The schema as a tree of what may stand in a file, whatever becomes of the values afterwards. */
export type KeyNode =
  | (KeyFacts & { readonly shape: 'section'; readonly keys: ReadonlyMap<string, KeyNode> })
  | (KeyFacts & { readonly shape: 'list'; readonly item: KeyNode })
  | (KeyFacts & { readonly shape: 'map' | 'value' | 'free' });

export type SectionNode = Extract<KeyNode, { shape: 'section' }>;

export type KeyPath = readonly (string | number)[];

export function keyTree(schema: z.core.$ZodType): KeyNode {
  let current = schema;
  let doc: KeyDoc = {};
  let description: string | undefined;
  let preset: unknown;
  let required = true;
  for (;;) {
    doc = { ...keyDocs.get(current), ...doc };
    description ??= z.globalRegistry.get(current)?.description;
    const layer = unwrapped(current);
    if (layer === undefined) break;
    if (layer.optional) required = false;
    preset ??= layer.preset;
    current = layer.inner;
  }
  return { description, doc, preset, required, ...shapeOf(current, doc) };
}

/** The node at a path, or undefined where nobody knows the path. What is below a map or free section is that node itself. */
export function nodeAt(tree: KeyNode, path: KeyPath): KeyNode | undefined {
  let node: KeyNode | undefined = tree;
  for (const step of path) {
    if (node?.shape === 'section') node = node.keys.get(String(step));
    else if (node?.shape === 'list') node = node.item;
    else if (node?.shape === 'value') return undefined;
  }
  return node;
}

/** Whether the value, or each value of the list, must not be shown. */
export function isSecret(node: KeyNode): boolean {
  const { kind } = node.doc;
  return (
    kind === 'secret' || kind === 'secret headers' || (node.shape === 'list' && isSecret(node.item))
  );
}

/** The sections of which one is chosen, such as the storage drivers. */
export function choices(node: SectionNode): readonly string[] {
  return [...node.keys].filter(([, key]) => key.doc.choice).map(([name]) => name);
}

interface Layer {
  readonly inner: z.core.$ZodType;
  readonly optional?: boolean;
  readonly preset?: unknown;
}

function unwrapped(schema: z.core.$ZodType): Layer | undefined {
  if (schema instanceof z.ZodOptional) return { inner: schema.def.innerType, optional: true };
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return { inner: schema.def.innerType, optional: true, preset: schema.def.defaultValue };
  }
  if (schema instanceof z.ZodPipe) return { inner: schema.def.in };
  return undefined;
}

function shapeOf(
  schema: z.core.$ZodType,
  doc: KeyDoc,
):
  | { shape: 'section'; keys: Map<string, KeyNode> }
  | { shape: 'list'; item: KeyNode }
  | { shape: 'map' | 'value' | 'free' } {
  if (schema instanceof z.ZodObject) {
    const keys = Object.entries<z.core.$ZodType>(schema.def.shape);
    return { shape: 'section', keys: new Map(keys.map(([name, key]) => [name, keyTree(key)])) };
  }
  if (schema instanceof z.ZodArray) return { shape: 'list', item: keyTree(schema.def.element) };
  if (schema instanceof z.ZodRecord) return { shape: 'map' };
  return { shape: doc.kind === 'free' ? 'free' : 'value' };
}
