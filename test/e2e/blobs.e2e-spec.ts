import { randomBytes } from 'node:crypto';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { errorOf } from '../support/exchange.js';
import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { digestOf, RegistryApi } from '../support/registry-api.js';

const name = 'library/blobs';

describe.each([
  ['small', randomBytes(1000)],
  ['large', randomBytes(300_000)],
])('a %s blob', (_size, content) => {
  const digest = digestOf(content);
  const path = `/v2/${name}/blobs/${digest}`;
  const size = content.length;
  let holdfast: Holdfast;
  let api: RegistryApi;

  beforeAll(async () => {
    holdfast = await startHoldfast();
    api = new RegistryApi(holdfast.url);
    await api.pushBlob(name, content);
  }, 60_000);

  afterAll(async () => {
    await holdfast?.stop();
  });

  const headers = {
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    'docker-distribution-api-version': 'registry/2.0',
    etag: `"${digest}"`,
    'accept-ranges': 'bytes',
    'content-length': String(size),
  };

  it('is answered with its bytes, length, digest and tag', async () => {
    const answer = await api.get(path);
    expect([answer.status, answer.body.equals(content)]).toEqual([200, true]);
    expect(answer.headers).toMatchObject(headers);
    expect(answer.headers['cache-control']).toMatch(/max-age=31536000/);
    expect(answer.headers['transfer-encoding']).toBeUndefined();
  });

  it('is answered to HEAD with the same and no bytes', async () => {
    const answer = await api.send('HEAD', path);
    expect([answer.status, answer.body.length]).toEqual([200, 0]);
    expect(answer.headers).toMatchObject(headers);
  });

  it.each([
    [`"${digest}"`, 304],
    [`W/"${digest}"`, 304],
    [digest, 304],
    ['*', 304],
    [`"a", "${digest}"`, 304],
    ['"a"', 200],
    ['', 200],
  ])('with If-None-Match: %s is %d', async (condition, status) => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await api.send(method, path, { headers: { 'if-none-match': condition } });
      expect([method, answer.status, answer.headers.etag]).toEqual([method, status, `"${digest}"`]);
      expect(answer.body.length).toBe(status === 200 && method === 'GET' ? size : 0);
    }
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=0-99', 0, 99],
    ['bytes=100-', 100, size - 1],
    ['bytes=-100', size - 100, size - 1],
    [`bytes=0-${size - 1}`, 0, size - 1],
    [`bytes=${size - 1}-`, size - 1, size - 1],
    ['bytes=5-99999999999', 5, size - 1],
    [`bytes=5-${'9'.repeat(400)}`, 5, size - 1],
    [`bytes=-${size}`, 0, size - 1],
    ['bytes=-99999999999', 0, size - 1],
    ['BYTES=1-2', 1, 2],
    ['bytes=0-9,10-19', 0, 19],
    ['bytes=10-19, 0-9', 0, 19],
    ['bytes=0-9,99999999-', 0, 9],
  ])('in part, by %s', async (range, start, end) => {
    const answer = await api.get(path, { range });
    expect([answer.status, answer.headers['content-range']]).toEqual([
      206,
      `bytes ${start}-${end}/${size}`,
    ]);
    expect(answer.headers['content-length']).toBe(String(end - start + 1));
    expect(answer.body.equals(content.subarray(start, end + 1))).toBe(true);
  });

  it.each(['bytes=500-0', `bytes=${size}-`, 'bytes=99999999-', 'bytes=-0', `bytes=${size}-,-0`])(
    'has nothing to give for %s: 416 with its size',
    async (range) => {
      const answer = await api.get(path, { range });
      expect([answer.status, answer.headers['content-range']]).toEqual([416, `bytes */${size}`]);
      expect(errorOf(answer).code).toBe('RANGE_INVALID');
    },
  );

  it.each([
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=1-2-3',
    'bytes=0x1-0x2',
    'bytes=+1-2',
    'items=0-1',
    'bytes=0-1,500-501',
    'bytes=0-1;x',
    `bytes=${'0-0,'.repeat(5000)}0-0`,
  ])('comes whole where the range is not one: %.40s', async (range) => {
    const answer = await api.get(path, { range });
    expect([answer.status, answer.body.length]).toEqual([200, size]);
  });

  it('comes whole where If-Range names other bytes, and in part where it names these', async () => {
    const range = 'bytes=0-9';
    expect((await api.get(path, { range, 'if-range': '"other"' })).status).toBe(200);
    expect((await api.get(path, { range, 'if-range': `"${digest}"` })).status).toBe(206);
  });

  it('belongs to its repository', async () => {
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      const answer = await api.send(method, `/v2/library/other/blobs/${digest}`);
      expect(answer.status).toBe(404);
    }
    expect((await api.get(path)).status).toBe(200);
  });

  it('is deleted with 202, and pushed again', async () => {
    const deleted = await api.send('DELETE', path);
    expect([deleted.status, deleted.headers['docker-content-digest']]).toEqual([202, digest]);
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      expect((await api.send(method, path)).status).toBe(404);
    }
    await api.pushBlob(name, content);
    expect((await api.get(path)).body.equals(content)).toBe(true);
  });

  // Row D4.
  it.each([
    ['cut', (file: string) => truncate(file, size - 1)],
    ['emptied', (file: string) => truncate(file, 0)],
    ['lengthened', (file: string) => writeFile(file, Buffer.concat([content, content]))],
  ])('that is %s by hand: GET 500, HEAD 404, and the next push heals it', async (_what, damage) => {
    const hex = digest.slice('sha256:'.length);
    await damage(
      join(holdfast.root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data'),
    );
    for (const range of [{}, { range: 'bytes=0-9' }]) {
      const answer = await api.get(path, range);
      expect([answer.status, errorOf(answer).code]).toEqual([500, 'UNKNOWN']);
    }
    expect((await api.send('HEAD', path)).status).toBe(404);
    const mounted = await api.send('POST', `/v2/library/other/blobs/uploads/?mount=${digest}`);
    expect(mounted.status).toBe(202);
    await api.pushBlob(name, content);
    expect((await api.get(path)).body.equals(content)).toBe(true);
    expect((await api.send('HEAD', path)).status).toBe(200);
  });
});

describe('the empty blob', () => {
  it('has no range, and is otherwise like any', async () => {
    const holdfast = await startHoldfast();
    try {
      const api = new RegistryApi(holdfast.url);
      const path = `/v2/${name}/blobs/${await api.pushBlob(name, Buffer.alloc(0))}`;
      const answer = await api.get(path);
      expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([
        200,
        '0',
        0,
      ]);
      expect((await api.send('HEAD', path)).headers['content-length']).toBe('0');
      for (const range of ['bytes=0-0', 'bytes=0-', 'bytes=-1']) {
        expect((await api.get(path, { range })).status).toBe(416);
      }
    } finally {
      await holdfast.stop();
    }
  }, 60_000);
});
