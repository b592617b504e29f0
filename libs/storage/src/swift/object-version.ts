import type { SwiftAnswer } from './swift-http.js';

/*
 * Versions of objects. That of one in one piece is the MD5 of its bytes; that of a large one is the MD5 of its pieces' MD5s,
 * with a letter before it, so that what a version belongs to is known without asking.
 */

export type ObjectKind = 'plain' | 'static' | 'dynamic';

const letters = { plain: '', static: 's', dynamic: 'd' } as const;

export function versionOf(kind: ObjectKind, etag: string): string {
  return letters[kind] + unquoted(etag);
}

export function kindOf(version: string): ObjectKind {
  if (version.startsWith('s')) return 'static';
  return version.length === 33 && version.startsWith('d') ? 'dynamic' : 'plain';
}

/** For If-Match. */
export function etagOf(version: string): string {
  return `"${kindOf(version) === 'plain' ? version : version.slice(1)}"`;
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
