import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { s3Config } from './s3-config.js';
import { S3Store } from './s3-store.js';

const right = Buffer.from('right');
const wrong = Buffer.from('wrong');
const versionOf = (content: Buffer) => createHash('md5').update(content).digest('hex');

describe('reading a small object of S3', () => {
  let service: Server;
  let store: S3Store;
  /** What is answered for each key, one answer after the other; the last one again. */
  let answers: Record<string, readonly Buffer[]>;
  let version: string;

  beforeEach(async () => {
    version = versionOf(right);
    const asked = new Map<string, number>();
    service = createServer(({ url = '' }, response) => {
      const key = new URL(url, 'http://service').pathname.split('/').at(-1) ?? '';
      const turn = asked.get(key) ?? 0;
      asked.set(key, turn + 1);
      const content = answers[key]?.[turn] ?? answers[key]?.at(-1);
      response.setHeader('etag', `"${version}"`).end(content);
    }).listen(0, '127.0.0.1');
    await once(service, 'listening');
    const regionendpoint = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
    const keys = { accesskey: 'id', secretkey: 'key', forcepathstyle: true, region: 'us-east-1' };
    store = await S3Store.connect(s3Config.parse({ ...keys, bucket: 'b', regionendpoint }));
  });
  afterEach(async () => {
    await store.close();
    service.closeAllConnections();
    service.close();
  });

  const read = async (key: string) => (await store.get(key, { limit: 100 })).content.toString();

  it('asks again for bytes that were damaged on their way, also after one object was damaged at rest', async () => {
    answers = { good: [right], damaged: [wrong], passing: [wrong, right] };
    expect(await read('good')).toBe('right');
    expect(await read('damaged')).toBe('wrong');
    expect(await read('passing')).toBe('right');
  });

  it('believes a service whose versions say nothing of the bytes', async () => {
    version = versionOf(Buffer.from('something else'));
    answers = { first: [wrong], second: [wrong, right] };
    expect(await read('first')).toBe('wrong');
    expect(await read('second')).toBe('wrong');
  });
});
