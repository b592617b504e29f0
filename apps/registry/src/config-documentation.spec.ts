import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { configurationPage, jsonSchemaText } from './config-documentation.js';

const docs = join(import.meta.dirname, '../../../docs');

describe('docs/configuration', () => {
  it.each([
    ['configuration.md', configurationPage],
    ['configuration.schema.json', jsonSchemaText],
  ])('has what the schemas say in %s; else run npm run docs:configuration', (name, current) => {
    expect(readFileSync(join(docs, name), 'utf8')).toBe(current());
  });

  it('says of every key what it means', () => {
    const silent = configurationPage()
      .split('\n')
      .filter((line) => line.startsWith('| `') && /\|\s*\|$/.test(line));
    expect(silent).toEqual([]);
  });

  it('gives a schema that knows the keys and refuses others', () => {
    const schema: unknown = JSON.parse(jsonSchemaText());
    expect(schema).toMatchObject({
      type: 'object',
      required: ['version'],
      additionalProperties: false,
      properties: {
        http: { properties: { addr: { default: ':5000' }, tls: { additionalProperties: false } } },
        storage: {
          anyOf: [
            { properties: { filesystem: {} } },
            { enum: expect.arrayContaining(['inmemory']) },
          ],
        },
        log: { properties: { level: { enum: ['error', 'warn', 'info', 'debug', null] } } },
      },
    });
  });
});
