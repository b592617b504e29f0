import type { SwiftAnswer } from './swift-http.js';

/*
 * Versions of objects. That of one in one piece is the MD5 of its bytes; that of a large one is the MD5 of its pieces' MD5s,
 * in quotes as Swift has it, and for a list of segments with a letter before it. So what a version belongs to is known
 * without asking.
 */

export type ObjectKind = 'plain' | 'static' | 'dynamic';

export function versionOf(kind: ObjectKind, etag: string): string {
  switch (kind) {
    case 'plain':
      return unquoted(etag);
    case 'static':
      return `"${unquoted(etag)}"`;
    case 'dynamic':
      return `d${unquoted(etag)}`;
  }
}

export function kindOf(version: string): ObjectKind {
  if (version.startsWith('"')) return 'static';
  return version.length === 33 && version.startsWith('d') ? 'dynamic' : 'plain';
}

/** For If-Match. */
export function etagOf(version: string): string {
  return `"${kindOf(version) === 'dynamic' ? version.slice(1) : unquoted(version)}"`;
}

/** From the headers of the object itself. */
export function answeredVersion(answer: SwiftAnswer): string {
  return versionOf(answeredKind(answer), answer.header('etag') ?? '');
}

export function answeredKind(answer: SwiftAnswer): ObjectKind {
  if (answer.header('x-static-large-object')?.toLowerCase() === 'true') return 'static';
  return answer.header('x-object-manifest') === undefined ? 'plain' : 'dynamic';
}

export function unquoted(etag: string): string {
  return etag.replaceAll('"', '');
}
