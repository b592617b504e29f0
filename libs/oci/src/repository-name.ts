import { NameInvalid } from './errors.js';

/** A repository name that has been checked against the grammar of the distribution spec, §"Pulling manifests". */
export type RepositoryName = string & { readonly brand: unique symbol };

const maximumLength = 255;

/** @throws {NameInvalid} */
export function parseRepositoryName(text: string): RepositoryName {
  if (!isRepositoryName(text)) {
    throw new NameInvalid(
      'invalid repository name: lower-case letters, digits and single separators (. _ __ -) in components joined by /, 255 characters at most',
      { name: text.slice(0, 300) },
    );
  }
  return text;
}

/** One pass by hand: the grammar's regular expression nests quantifiers, which V8 may take exponentially long to refuse. */
export function isRepositoryName(text: string): text is RepositoryName {
  if (text.length > maximumLength) return false;
  let index = 0;
  for (;;) {
    index = skipAlphanumeric(text, index);
    if (index < 0) return false;
    if (index === text.length) return true;
    index = skipSeparator(text, index);
    if (index < 0) return false;
  }
}

/** The index after a run of one or more of a–z and 0–9 at `start`, or -1. */
function skipAlphanumeric(text: string, start: number): number {
  let index = start;
  while (index < text.length && isAlphanumeric(text.charCodeAt(index))) index++;
  return index === start ? -1 : index;
}

/** The index after `/`, `.`, `_`, `__` or a run of `-` at `start`, or -1. */
function skipSeparator(text: string, start: number): number {
  switch (text.charAt(start)) {
    case '/':
    case '.':
      return start + 1;
    case '_':
      return text[start + 1] === '_' ? start + 2 : start + 1;
    case '-': {
      let index = start;
      while (text[index] === '-') index++;
      return index;
    }
    default:
      return -1;
  }
}

function isAlphanumeric(char: number): boolean {
  return (char >= 0x30 && char <= 0x39) || (char >= 0x61 && char <= 0x7a);
}
