import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { errorOf, type Exchange } from '../support/exchange.js';
import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { digestOf, locationOf, type RegistryApi } from '../support/registry-api.js';
import { Uploader } from '../support/uploader.js';

const name = 'library/uploads';
const content = randomBytes(300_000);
const digest = digestOf(content);
const [first, second, third] = [0, 1, 2].map((index) =>
  content.subarray(index * 100_000, (index + 1) * 100_000),
) as [Buffer, Buffer, Buffer];

describe('uploads', () => {
  let holdfast: Holdfast;
  let api: RegistryApi;
  let uploader: Uploader;

  beforeAll(async () => {
    holdfast = await startHoldfast();
    uploader = new Uploader(holdfast.url, name, content);
    ({ api } = uploader);
  }, 60_000);

  afterAll(async () => {
    await holdfast?.stop();
  });

  const pathOnly = (location: string) => location.replace(/\?.*/, '');

  describe('every way to push', () => {
    it('begins with 202, a Location, a range and an id', async () => {
      const answer = await api.send('POST', `/v2/${name}/blobs/uploads/`);
      uploader.accepted(answer, 0);
      expect(answer.headers['content-length']).toBe('0');
      expect(answer.headers.location?.length).toBeLessThan(2048);
      expect((await api.send('POST', `/v2/${name}/blobs/uploads`)).status).toBe(202);
    });

    it('in one POST', async () => {
      const path = `/v2/${name}/blobs/uploads/?digest=${digest}`;
      expect(await uploader.pulledAfter(await api.send('POST', path, { body: content }))).toBe(
        'what was pushed',
      );
      expect(
        await uploader.pulledAfter(
          await api.send('POST', path, {
            headers: { 'transfer-encoding': 'chunked' },
            body: content,
          }),
        ),
      ).toBe('what was pushed');
    });

    it('in POST and PUT', async () => {
      expect(
        await uploader.pulledAfter(await uploader.put(await uploader.begin(), digest, content)),
      ).toBe('what was pushed');
    });

    it('in POST, PATCH and PUT, streamed', async () => {
      const location = await uploader.begin();
      const streamed = await api.send('PATCH', location, { body: inPieces(content) });
      expect(
        await uploader.pulledAfter(await uploader.put(uploader.accepted(streamed, 299_999))),
      ).toBe('what was pushed');
    });

    it('in chunks, the last of them with the PUT', async () => {
      let location = await uploader.begin();
      location = uploader.accepted(await uploader.patch(location, first, 0), 99_999);
      location = uploader.accepted(await uploader.patch(location, second, 100_000), 199_999);
      const range = { 'content-range': '200000-299999' };
      expect(await uploader.pulledAfter(await uploader.put(location, digest, third, range))).toBe(
        'what was pushed',
      );
    });

    it('in chunks of one byte and of none', async () => {
      let location = await uploader.begin();
      const small = content.subarray(0, 5);
      for (const [index, byte] of small.entries()) {
        location = uploader.accepted(
          await uploader.patch(location, Buffer.from([byte]), index),
          index,
        );
        location = uploader.accepted(await uploader.patch(location, Buffer.alloc(0)), index);
      }
      expect(
        await uploader.pulledAfter(
          await uploader.put(location, digestOf(small)),
          digestOf(small),
          small,
        ),
      ).toBe('what was pushed');
    });

    it.each(['', '?digest-algorithm=sha512', '?digest-algorithm=sha256'])(
      'with a sha512, begun with "%s"',
      async (query) => {
        const sha512 = digestOf(content, 'sha512');
        expect(
          await uploader.pulledAfter(
            await uploader.put(await uploader.begin(query), sha512, content),
            sha512,
          ),
        ).toBe('what was pushed');
        const location = uploader.accepted(
          await uploader.patch(await uploader.begin(query), content),
          299_999,
        );
        expect(await uploader.pulledAfter(await uploader.put(location, sha512), sha512)).toBe(
          'what was pushed',
        );
      },
    );

    it('of no byte at all', async () => {
      const empty = Buffer.alloc(0);
      const none = digestOf(empty);
      expect(
        await uploader.pulledAfter(await uploader.put(await uploader.begin(), none), none, empty),
      ).toBe('what was pushed');
      const location = uploader.accepted(await uploader.patch(await uploader.begin(), empty), 0);
      expect(await uploader.pulledAfter(await uploader.put(location, none), none, empty)).toBe(
        'what was pushed',
      );
      const path = `/v2/${name}/blobs/uploads/?digest=${none}`;
      expect(await uploader.pulledAfter(await api.send('POST', path), none, empty)).toBe(
        'what was pushed',
      );
    });
  });

  describe('a mount', () => {
    const source = 'library/source';
    const mount = (query: string) => api.send('POST', `/v2/${name}/blobs/uploads/?${query}`);

    it.each(['&from=library/source', ''])('gives what is there, with "%s"', async (from) => {
      await api.pushBlob(source, content);
      expect(await uploader.pulledAfter(await mount(`mount=${digest}${from}`))).toBe(
        'what was pushed',
      );
    });

    it('from the same repository is fine', async () => {
      await api.pushBlob(name, content);
      expect(await uploader.pulledAfter(await mount(`mount=${digest}&from=${name}`))).toBe(
        'what was pushed',
      );
    });

    it('of what is not there begins an upload instead', async () => {
      const missing = digestOf(randomBytes(9));
      for (const query of [`mount=${missing}`, `mount=${missing}&from=${source}`]) {
        uploader.accepted(await mount(query), 0);
      }
      const answer = await mount(`mount=${digest}&from=library/nothing`);
      expect(
        await uploader.pulledAfter(
          await uploader.put(uploader.accepted(answer, 0), digest, content),
        ),
      ).toBe('what was pushed');
    });
  });

  describe('a chunk out of order', () => {
    it.each([1, 50_000, 100_001, 2 ** 40])(
      'at %d is 416, and the session goes on',
      async (start) => {
        const location = uploader.accepted(
          await uploader.patch(await uploader.begin(), first, 0),
          99_999,
        );
        for (const answer of [
          await uploader.patch(location, second, start),
          await uploader.put(location, digest, second, {
            'content-range': `${start}-${start + second.length - 1}`,
          }),
        ]) {
          expect([answer.status, errorOf(answer).code]).toEqual([416, 'RANGE_INVALID']);
          expect(errorOf(answer).detail).toEqual({ expectedOffset: 100_000, offset: start });
        }
        const status = await uploader.status(location);
        expect([status.status, status.headers['range']]).toEqual([204, '0-99999']);
        expect(
          await uploader.pulledAfter(
            await uploader.put(locationOf(status), digest, content.subarray(100_000)),
          ),
        ).toBe('what was pushed');
      },
    );

    it('sent twice to an older Location is 416, and the session goes on', async () => {
      const begun = await uploader.begin();
      const one = uploader.accepted(await uploader.patch(begun, first, 0), 99_999);
      const two = uploader.accepted(await uploader.patch(one, second, 100_000), 199_999);
      expect((await uploader.patch(one, second, 100_000)).status).toBe(416);
      expect((await uploader.patch(begun, first, 0)).status).toBe(416);
      expect((await uploader.status(one)).headers['range']).toBe('0-199999');
      expect(await uploader.pulledAfter(await uploader.put(two, digest, third))).toBe(
        'what was pushed',
      );
    });

    it.each(['bytes 0-99999/*', 'bytes 0-99999/300000', '0-99999'])(
      'is none with Content-Range: %s',
      async (range) => {
        const headers = { 'content-range': range };
        const answer = await api.send('PATCH', await uploader.begin(), { headers, body: first });
        expect(uploader.accepted(answer, 99_999)).toContain('_state=');
      },
    );

    it.each([
      '0',
      '-',
      '0-',
      '-5',
      '5-1',
      'a-b',
      '0-99999-',
      '0 - 99999',
      'items 0-99999',
      '1e3-2e3',
    ])('is any with Content-Range: %s', async (range) => {
      const headers = { 'content-range': range };
      const answer = await api.send('PATCH', await uploader.begin(), { headers, body: first });
      expect([answer.status, errorOf(answer).code]).toEqual([416, 'RANGE_INVALID']);
    });

    it('whose ranges say another length is 400, and nothing of it is kept', async () => {
      const location = await uploader.begin();
      const headers = { 'content-range': '0-5' };
      for (const sent of [
        { headers, body: first },
        { headers, body: inPieces(first) },
      ]) {
        const answer = await api.send('PATCH', location, sent);
        expect([answer.status, errorOf(answer).code]).toEqual([400, 'SIZE_INVALID']);
      }
      expect(await uploader.pulledAfter(await uploader.put(location, digest, content))).toBe(
        'what was pushed',
      );
    });
  });

  it('keeps the session when the closing PUT is wrong', async () => {
    const location = uploader.accepted(await uploader.patch(await uploader.begin(), first), 99_999);
    const wrong = await uploader.put(location, digest, randomBytes(200_000));
    expect([wrong.status, errorOf(wrong).code]).toEqual([400, 'DIGEST_INVALID']);
    for (const bad of ['', 'sha256:x', digestOf('other')]) {
      expect((await uploader.put(location, bad)).status).toBe(400);
    }
    const without = await api.send('PUT', location, { body: second });
    expect([without.status, errorOf(without).code]).toEqual([400, 'DIGEST_INVALID']);
    expect((await uploader.status(location)).headers['range']).toBe('0-99999');
    expect(
      await uploader.pulledAfter(await uploader.put(location, digest, content.subarray(100_000))),
    ).toBe('what was pushed');
  });

  it('answers the same closing PUT again, and no other', async () => {
    const location = uploader.accepted(
      await uploader.patch(await uploader.begin(), content),
      299_999,
    );
    expect((await uploader.put(location)).status).toBe(201);
    expect((await uploader.put(location)).status).toBe(201);
    expect((await uploader.put(location, digestOf('other'))).status).toBe(404);
    expect((await uploader.patch(location, first)).status).toBe(404);
    expect((await uploader.status(location)).status).toBe(404);
    expect((await api.send('DELETE', location)).status).toBe(404);
    expect(await uploader.pulledAfter(await uploader.put(location))).toBe('what was pushed');
    expect((await uploader.put(location)).status).toBe(404);
  });

  it('is cancelled with 204, and then unknown', async () => {
    const begun = await uploader.begin();
    const location = uploader.accepted(await uploader.patch(begun, content), 299_999);
    await api.pushBlob(name, content);
    const cancelled = await api.send('DELETE', location);
    expect([cancelled.status, cancelled.body.length]).toEqual([204, 0]);
    for (const each of [begun, location, pathOnly(location)]) {
      for (const answer of [
        await uploader.status(each),
        await uploader.patch(each, first),
        await uploader.put(each),
        await api.send('DELETE', each),
      ]) {
        expect([answer.status, errorOf(answer).code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
      }
    }
  });

  it('from two at once to one Location: one goes on, the other is 416', async () => {
    const location = uploader.accepted(await uploader.patch(await uploader.begin(), first), 99_999);
    const answers = await Promise.all([
      uploader.patch(location, second),
      uploader.patch(location, second),
    ]);
    expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(['202', '416']);
    const next = answers.find(({ status }) => status === 202) as Exchange;
    expect(await uploader.pulledAfter(await uploader.put(locationOf(next), digest, third))).toBe(
      'what was pushed',
    );
  });
});

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += 10_000) {
    yield bytes.subarray(start, start + 10_000);
  }
}
