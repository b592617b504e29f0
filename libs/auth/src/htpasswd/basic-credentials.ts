import { isUtf8 } from 'node:buffer';

import { maximumPasswordBytes } from './bcrypt-hash.js';
import { isUserName, maximumUserBytes } from './htpasswd-users.js';

export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

const longestHeader =
  'Basic '.length + 16 + Math.ceil((maximumUserBytes + 1 + maximumPasswordBytes) / 3) * 4;

const form = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

/** RFC 7617, in UTF-8. What could not be right for anybody is refused here, before it costs anything. */
export function parseBasicCredentials(authorization: string): BasicCredentials | undefined {
  if (authorization.length > longestHeader) return undefined;
  const encoded = form.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  if (!isUtf8(bytes)) return undefined;
  const text = bytes.toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  const user = text.slice(0, colon);
  const password = text.slice(colon + 1);
  return isUserName(user) && isPassword(password) ? { user, password } : undefined;
}

function isPassword(text: string): boolean {
  return Buffer.byteLength(text) <= maximumPasswordBytes && !/\p{Cc}/u.test(text);
}
