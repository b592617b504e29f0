import { Digest } from './digest.js';
import { TagInvalid } from './errors.js';

/** A tag that has been checked against the grammar of the distribution spec: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`. */
export type Tag = string & { readonly brand: unique symbol };

/** What a manifest is asked for by. */
export type Reference = Tag | Digest;

const pattern = /^\w[\w.-]{0,127}$/;

export function isTag(text: string): text is Tag {
  return text.length <= 128 && pattern.test(text);
}

/** @throws {TagInvalid} */
export function parseTag(text: string): Tag {
  if (!isTag(text)) {
    throw new TagInvalid(
      'invalid tag: letters, digits, _ . - (not . or - first), 128 characters at most',
      { tag: text.slice(0, 200) },
    );
  }
  return text;
}

/** A text with a colon can only be a digest. @throws {DigestInvalid} @throws {TagInvalid} */
export function parseReference(text: string): Reference {
  return text.includes(':') ? Digest.parse(text) : parseTag(text);
}
