import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { setImmediate } from 'node:timers/promises';

import { describe, expect, it } from '@jest/globals';

import { startHoldfast, type Holdfast, type HoldfastOptions } from '../support/holdfast.js';
import { digestOf, ociManifest, RegistryApi, withDigest } from '../support/registry-api.js';

const mebibyte = 1024 * 1024;
const name = 'load/test';

async function withHoldfast(
  options: HoldfastOptions,
  action: (holdfast: Holdfast, api: RegistryApi) => Promise<void>,
): Promise<void> {
  const holdfast = await startHoldfast(options);
  try {
    await action(holdfast, new RegistryApi(holdfast.url));
  } finally {
    await holdfast.stop();
  }
}

/** The most memory that a process and its children ever had, each for itself, in MiB. */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ');
  const below = await Promise.all(
    children
      .filter((id) => id !== '')
      .map(Number)
      .map(peakMemory),
  );
  const own = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  return own + below.reduce((sum, each) => sum + each, 0);
}

describe('500 uploads at once (row G7)', () => {
  /** By hand: UPLOAD_MIB=20. */
  const size = Number(process.env['UPLOAD_MIB'] ?? 0.5) * mebibyte;
  const count = 500;

  it(`of ${size} bytes end well, in bounded memory`, async () => {
    await withHoldfast({}, async (holdfast, api) => {
      const before = await peakMemory(holdfast.pid);
      const block = randomBytes(64 * 1024);
      const push = async (index: number) => {
        const first = Buffer.from(String(index).padEnd(1024));
        const pieces = [first, ...Array<Buffer>(Math.ceil(size / block.length)).fill(block)];
        const digest = digestOf(Buffer.concat(pieces));
        // All are under way before any ends.
        async function* slowly() {
          for (const piece of pieces) {
            yield piece;
            await setImmediate();
          }
        }
        const answer = await api.send('PUT', withDigest(await api.begin(name), digest), {
          body: slowly(),
        });
        return [digest, answer.status] as const;
      };
      const pushed = await Promise.all(Array.from({ length: count }, (_, index) => push(index)));
      expect(pushed.filter(([, status]) => status !== 201)).toEqual([]);
      const grown = (await peakMemory(holdfast.pid)) - before;
      // Half a MiB for each that is under way, and what the runtime takes once.
      expect(grown).toBeLessThan(count / 2 + 200);
      const heads = pushed.map(([digest]) => api.send('HEAD', `/v2/${name}/blobs/${digest}`));
      expect((await Promise.all(heads)).filter(({ status }) => status !== 200)).toEqual([]);
    });
  }, 300_000);
});

describe('a slow reader (row G8)', () => {
  it.each(['deleted', 'pushed again', 'deleted and pushed again'])(
    'of a blob that is %s meanwhile has its bytes, or an error, and never others',
    async (what) => {
      await withHoldfast({}, async (holdfast, api) => {
        const content = randomBytes(24 * mebibyte);
        const digest = await api.pushBlob(name, content);
        const path = `/v2/${name}/blobs/${digest}`;
        const request = get(holdfast.url + path);
        const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
        const chunks: Buffer[] = [];
        let changed = false;
        let failed = false;
        let deleted = 202;
        try {
          for await (const chunk of response) {
            chunks.push(chunk as Buffer);
            if (changed) continue;
            changed = true;
            if (what.includes('deleted')) deleted = (await api.send('DELETE', path)).status;
            if (what.includes('pushed')) await api.pushBlob(name, content);
          }
        } catch {
          failed = true;
        }
        expect([changed, deleted]).toEqual([true, 202]);
        const read = Buffer.concat(chunks);
        expect(failed || read.length === content.length).toBe(true);
        expect(read.equals(content.subarray(0, read.length))).toBe(true);
      });
    },
    60_000,
  );
});

describe('4 MiB manifests (row G9)', () => {
  const fill = (start: string, part: string, end = '') => {
    const room = 4 * mebibyte - start.length - end.length;
    return Buffer.from(start + part.repeat(Math.floor(room / part.length)) + end);
  };
  const layer = (id: number) =>
    `{"mediaType":"a/b","digest":"sha256:${String(id).padStart(64, '0')}","size":1}`;
  const layers = Array.from({ length: 30_000 }, (_, id) => layer(id)).join(',');
  const image = `{"schemaVersion":2,"config":${layer(0)},"layers":[${layers}]}`;
  const keys = Array.from({ length: 99_990 }, (_, id) => `"k${id}":1`).join(',');

  it.each([
    ['brackets', fill('', '[')],
    ['empty objects', fill('{"a":[{}', ',{}', ']}')],
    ['escaped quotes', fill('{"a":"', '\\"', '"}')],
    ['members', Buffer.from(`{${keys},"x":"${'x'.repeat(2_500_000)}"}`)],
    ['annotations', fill('{"schemaVersion":2,"annotations":{"a":"', 'x', '"}}')],
    ['layers that are not there', Buffer.from(image)],
  ])(
    'of %s keep nobody waiting',
    async (_what, body) => {
      await withHoldfast({ config: { http: { workers: 1 } } }, async (_holdfast, api) => {
        const put = () =>
          api.send('PUT', `/v2/${name}/manifests/large`, {
            headers: { 'content-type': ociManifest },
            body,
          });
        let sending = true;
        const sent = Promise.all([put(), put(), put(), put()]).finally(() => (sending = false));
        const waits: number[] = [];
        while (sending) {
          const began = performance.now();
          expect((await api.get('/v2/')).status).toBe(200);
          waits.push(performance.now() - began);
          await setImmediate();
        }
        expect((await sent).map(({ status }) => status)).toEqual([400, 400, 400, 400]);
        // Four bodies may stand in a row before a request, and the machine may be busy: a generous factor of 50 ms each.
        expect(Math.max(...waits)).toBeLessThan(2000);
      });
    },
    60_000,
  );
});
