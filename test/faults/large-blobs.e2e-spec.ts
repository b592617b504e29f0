import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { digestOfLarge, pullLarge, sendLarge } from '../support/large-content.js';
import { RegistryApi, withDigest } from '../support/registry-api.js';

jest.setTimeout(3_600_000);

const MiB = 1024 * 1024;
/** 10240 in the long run (`BLOB_MIB=10240`). */
const size = Number(process.env['BLOB_MIB'] ?? 512) * MiB;
const chunk = 64 * MiB;

// Row G2.
describe(`a blob of ${size / MiB} MiB in a process of 256 MB`, () => {
  let registry: Holdfast;
  let digest: string;
  let blob: string;

  beforeAll(async () => {
    registry = await startHoldfast({
      config: { http: { workers: 1 } },
      env: { NODE_OPTIONS: '--max-old-space-size=128' },
    });
    digest = digestOfLarge(size);
    blob = `${registry.url}/v2/team/large/blobs/${digest}`;
  });
  afterAll(async () => registry?.stop());

  /** The most memory that the process ever had, in bytes. */
  const highWater = async () => {
    const status = await readFile(`/proc/${registry.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  };
  const begin = async () =>
    `${registry.url}${await new RegistryApi(registry.url).begin('team/large')}`;

  it('is pushed in one request, and pulled', async () => {
    const whole = { start: 0, length: size };
    const { status } = await sendLarge('PUT', withDigest(await begin(), digest), whole);
    expect(status).toBe(201);
    expect(await pullLarge(blob)).toEqual({ digest, size });
    expect(await highWater()).toBeLessThan(256_000_000);
  });

  it('is pushed in chunks of 64 MiB, and pulled', async () => {
    await fetch(blob, { method: 'DELETE' });
    let location = await begin();
    for (let start = 0; start < size; start += chunk) {
      const answer = await sendLarge('PATCH', location, {
        start,
        length: Math.min(chunk, size - start),
      });
      expect(answer.status).toBe(202);
      ({ location } = answer);
    }
    const { status } = await fetch(withDigest(location, digest), { method: 'PUT' });
    expect(status).toBe(201);
    expect(await pullLarge(blob)).toEqual({ digest, size });
    expect(await highWater()).toBeLessThan(256_000_000);
  });
});
