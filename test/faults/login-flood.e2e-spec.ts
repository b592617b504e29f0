import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { basic, writeHtpasswd } from '../support/htpasswd.js';
import { randomImage } from '../support/random-image.js';
import { RegistryClient } from '../support/registry-client.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

jest.setTimeout(120_000);

const loginsPerSecond = 200;
const pullers = 8;
const roundMs = 5_000;
const refused = '429 with Retry-After';

/** Have never logged in before. */
const newcomers = { ben: 'b', carl: 'c' };

interface Pulls {
  readonly statuses: ReadonlySet<number>;
  readonly count: number;
  readonly p99: number;
}

describe('G10: a flood of logins with wrong passwords', () => {
  let folder: TempDir;
  let registry: Holdfast;
  const image = randomImage({ layers: 1 });

  beforeAll(async () => {
    folder = await TempDir.create('flood');
    const path = folder.join('htpasswd');
    await writeHtpasswd(path, { anna: 'secret', ...newcomers }, 10);
    registry = await startHoldfast({ config: { auth: { htpasswd: { realm: 'flood', path } } } });
    await new RegistryClient(registry.url, { username: 'anna', password: 'secret' }).push(
      'app',
      '1',
      image,
    );
  });
  afterAll(async () => {
    await registry?.stop();
    await folder?.remove();
  });

  async function pull(): Promise<Pulls> {
    const paths = ['/v2/app/manifests/1', `/v2/app/blobs/${[...image.blobs.keys()][0]}`];
    const headers = {
      authorization: basic('anna', 'secret'),
      accept: 'application/vnd.oci.image.manifest.v1+json',
    };
    const times: number[] = [];
    const statuses = new Set<number>();
    const end = performance.now() + roundMs;
    const one = async () => {
      for (let turn = 0; performance.now() < end; turn++) {
        const start = performance.now();
        const answer = await fetch(registry.url + paths[turn % paths.length], { headers });
        await answer.arrayBuffer();
        times.push(performance.now() - start);
        statuses.add(answer.status);
        await delay(5);
      }
    };
    await Promise.all(Array.from({ length: pullers }, one));
    times.sort((a, b) => a - b);
    return { statuses, count: times.length, p99: times[Math.floor(times.length * 0.99)] ?? NaN };
  }

  /** Starts logins at an even rate until told to stop, and counts the answers by kind. */
  function flood(signal: AbortSignal): { answers: Map<string, number>; ended: Promise<unknown> } {
    const answers = new Map<string, number>();
    const guess = async (number: number) => {
      const user = number % 2 === 0 ? 'anna' : `user${number}`;
      const headers = {
        authorization: basic(user, `guess ${number}`),
        'x-forwarded-for': '192.0.2.1',
      };
      const answer = await fetch(`${registry.url}/v2/`, { headers, signal });
      const later = answer.headers.has('retry-after') ? ' with Retry-After' : '';
      const kind = `${answer.status}${later}`;
      answers.set(kind, (answers.get(kind) ?? 0) + 1);
      await answer.arrayBuffer();
    };
    const unlessStopped = (error: unknown) => {
      if (!signal.aborted) throw error;
    };
    const start = async () => {
      const logins: Promise<void>[] = [];
      const begin = performance.now();
      while (!signal.aborted) {
        const due = ((performance.now() - begin) / 1_000) * loginsPerSecond;
        while (logins.length < due) logins.push(guess(logins.length).catch(unlessStopped));
        await delay(5);
      }
      await Promise.all(logins);
    };
    return { answers, ended: start() };
  }

  async function login([user, password]: readonly [string, string]) {
    const start = performance.now();
    const headers = { authorization: basic(user, password) };
    const { status } = await fetch(`${registry.url}/v2/`, { headers });
    return { status, time: performance.now() - start };
  }

  it('slows pulls down little, refuses what cannot wait, and lets in who comes from elsewhere', async () => {
    await pull();
    const quiet = await pull();
    const stop = new AbortController();
    const { answers, ended } = flood(stop.signal);
    await until('the first refusal', async () => answers.has(refused));
    const flooded = await pull();
    const logins = await Promise.all(Object.entries(newcomers).map(login));
    stop.abort();
    await ended;
    const slowest = Math.max(...logins.map(({ time }) => time));
    process.stderr.write(
      `G10: pulls' p99 ${quiet.p99.toFixed(1)} ms (${quiet.count}), in the flood ${flooded.p99.toFixed(1)} ms ` +
        `(${flooded.count}), ratio ${(flooded.p99 / quiet.p99).toFixed(2)}; logins ${JSON.stringify(Object.fromEntries(answers))}; ` +
        `newcomers from elsewhere within ${slowest.toFixed(0)} ms\n`,
    );
    expect([...quiet.statuses, ...flooded.statuses]).toEqual([200, 200]);
    expect(flooded.count).toBeGreaterThan(quiet.count / 5);
    expect(flooded.p99).toBeLessThan(Math.max(250, quiet.p99 * 10));
    expect([...answers.keys()].toSorted()).toEqual(['401', refused]);
    expect(logins.map(({ status }) => status)).toEqual([200, 200]);
  });
});
