import { Readable } from 'node:stream';

import type { ObjectBody } from '../bucket/object-store.js';

export function bodyOf(content: string | Buffer): ObjectBody {
  const bytes = Buffer.from(content);
  return { size: bytes.length, open: () => bytes };
}

export function streamOf(bytes: Buffer): ObjectBody {
  return { size: bytes.length, open: () => Readable.from([bytes]) };
}
