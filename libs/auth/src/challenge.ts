import { formatScopes, type Scope } from './scope.js';

/** `WWW-Authenticate` for user name and password (RFC 7617). */
export function basicChallenge(realm: string): string {
  return `Basic realm=${quotedString(realm)}`;
}

/** `WWW-Authenticate` for a token (RFC 6750, with the parameters that Docker clients know). */
export function bearerChallenge(realm: string, service: string, scopes: readonly Scope[]): string {
  const scope = scopes.length === 0 ? '' : `,scope=${quotedString(formatScopes(scopes))}`;
  return `Bearer realm=${quotedString(realm)},service=${quotedString(service)}${scope}`;
}

/**
 * A quoted-string (RFC 9110 §5.6.4) that no text can break out of. Control characters become spaces. What is beyond ASCII goes
 * out as UTF-8, one character here for each byte, as header values are written.
 */
export function quotedString(text: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  return `"${bytes.replace(/[^ -~\u0080-\u00ff]/g, ' ').replace(/["\\]/g, '\\$&')}"`;
}
