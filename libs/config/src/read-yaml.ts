import { LineCounter, parseDocument } from 'yaml';

import { isSection } from './document.js';
import type { DocumentValue } from './document.js';

/** Why a text is not the YAML that we want. Says where, never what stands there. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
}

/**
 * YAML whose plain words all stay text, so that `password: 0123` and `version: 0.1` lose nothing; only `null`, `~` and
 * nothing mean null. Merge keys work, aliases are bounded.
 */
export function readYaml(text: string): DocumentValue {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, {
      schema: 'failsafe',
      customTags: ['null', 'merge'],
      merge: true,
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'error',
    });
    const [error] = document.errors;
    if (error !== undefined) {
      const { line, col } = lines.linePos(error.pos[0]);
      throw new YamlError(`line ${line}, column ${col}: ${explanation(error.code)}`);
    }
    return plain(document.toJS({ maxAliasCount: 100 }), 0);
  } catch (error) {
    if (error instanceof YamlError) throw error;
    throw new YamlError('its aliases or its nesting cannot be followed');
  }
}

/** Own objects, so that no name in a file is a name of `Object.prototype`. */
function plain(value: unknown, depth: number): DocumentValue {
  if (depth > 50) throw new YamlError('it is nested more than 50 levels deep');
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map((entry) => plain(entry, depth + 1));
  if (!isSection(value)) return typeof value === 'string' ? value : null;
  const section: DocumentValue = Object.create(null);
  for (const [name, entry] of Object.entries(value)) {
    (section as Record<string, DocumentValue>)[name] = plain(entry, depth + 1);
  }
  return section;
}

function explanation(code: string): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'this key stands twice in one section';
    case 'TAB_AS_INDENT':
      return 'a tab indents this line; YAML takes spaces only';
    case 'BAD_INDENT':
      return 'this line is indented in a way that fits nothing above';
    case 'MISSING_CHAR':
      return 'a character is missing before this, such as a closing quote or bracket, or the space after a colon';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a section begins in the middle of a line; quote the value if it holds ": "';
    case 'BAD_SCALAR_START':
      return 'text that begins with this character needs quotes';
    case 'MULTIPLE_DOCS':
      return 'a second document begins; one is all there can be';
    case 'BAD_ALIAS':
      return 'this alias has no anchor above it; quote the text if it just begins with *';
    default:
      return `not valid YAML (${code.toLowerCase().replaceAll('_', ' ')})`;
  }
}
