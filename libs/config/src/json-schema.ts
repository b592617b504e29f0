import type { ValueKind } from './key-docs.js';
import { choices } from './key-tree.js';
import type { KeyNode, SectionNode } from './key-tree.js';
import { presetText } from './settings.js';

const types: Readonly<Partial<Record<ValueKind, readonly string[]>>> = {
  boolean: ['boolean', 'string'],
  integer: ['integer', 'string'],
  size: ['integer', 'string'],
  duration: ['integer', 'string'],
};

type JsonSchema = Readonly<Record<string, unknown>>;

/** For editors: which keys there are and roughly what they take. Only the server itself says whether a file is good. */
export function jsonSchema(node: KeyNode): JsonSchema {
  const preset = node.shape === 'section' ? undefined : presetText(node.preset);
  return {
    ...(node.description !== undefined && { description: node.description }),
    ...((node.doc.ignored ?? node.doc.refused ?? node.doc.outdated) !== undefined && {
      deprecated: true,
    }),
    ...shape(node),
    ...(preset !== undefined && { default: preset }),
  };
}

function shape(node: KeyNode): JsonSchema {
  switch (node.shape) {
    case 'section':
      return section(node);
    case 'list': {
      const items = jsonSchema(node.item);
      return node.item.shape === 'section'
        ? { type: ['array', 'null'], items }
        : { anyOf: [{ type: ['array', 'null'], items }, items] };
    }
    case 'map':
      return { type: ['object', 'null'] };
    case 'free':
      return {};
    case 'value':
      return value(node);
  }
}

function section(node: SectionNode): JsonSchema {
  const properties = Object.fromEntries(
    [...node.keys].map(([name, key]) => [name, jsonSchema(key)]),
  );
  const names = choices(node);
  const required = [...node.keys].filter(([, key]) => key.required).map(([name]) => name);
  const object = {
    type: required.length > 0 ? 'object' : ['object', 'null'],
    properties,
    additionalProperties: false,
    ...(required.length > 0 && { required }),
  };
  return names.length === 0 ? object : { anyOf: [object, { enum: names }] };
}

function value({ doc }: KeyNode): JsonSchema {
  if (doc.kind === 'word') return { enum: [...(doc.words ?? []), null] };
  return { type: [...(types[doc.kind ?? 'text'] ?? ['string', 'number', 'boolean']), 'null'] };
}
