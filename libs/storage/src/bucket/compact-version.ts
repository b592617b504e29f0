/** An ETag as most stores make them: an MD5, perhaps quoted, perhaps with the number of pieces. */
const etag = /^(?<quote>"?)(?<md5>[0-9a-f]{32})(?<pieces>-\d+)?\k<quote>$/;

/** Characters of an MD5 in base64url. */
const md5Length = 22;

/** A version in letters that a token may have, and as few of them as possible. */
export function compactVersion(version: string): string {
  const found = etag.exec(version)?.groups;
  if (found === undefined) return `t${Buffer.from(version).toString('base64url')}`;
  const md5 = Buffer.from(found['md5'] ?? '', 'hex').toString('base64url');
  return `${found['quote'] ? 'q' : 'm'}${md5}${found['pieces'] ?? ''}`;
}

export function fullVersion(compact: string): string {
  const rest = compact.slice(1);
  if (compact.startsWith('t')) return Buffer.from(rest, 'base64url').toString();
  const quote = compact.startsWith('q') ? '"' : '';
  const md5 = Buffer.from(rest.slice(0, md5Length), 'base64url').toString('hex');
  return `${quote}${md5}${rest.slice(md5Length)}${quote}`;
}
