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
const rounds = 4;
const refused = '429 with Retry-After';

const passwords = {
  anna: 'secret',
  ben: 'b',
  carl: 'c',
  dora: 'd',
  emil: 'e',
  fay: 'f',
  gina: 'g',
  hans: 'h',
};

type User = keyof typeof passwords;

const oneAddress = () => '192.0.2.1';

/** Another network each time. */
const manyNetworks = (number: number) => `45.${(number >> 8) & 255}.${number & 255}.1`;

interface Pulls {
  readonly statuses: ReadonlySet<number>;
  readonly count: number;
  readonly p99: number;
}

/** Starts logins at an even rate until told to stop, and counts the answers by kind. */
function flood(
  url: string,
  signal: AbortSignal,
  forwardedFor: (number: number) => string,
): { answers: Map<string, number>; ended: Promise<unknown> } {
  const answers = new Map<string, number>();
  const guess = async (number: number) => {
    const user = number % 2 === 0 ? 'anna' : `user${number}`;
    const headers = {
      authorization: basic(user, `guess ${number}`),
      'x-forwarded-for': forwardedFor(number),
    };
    const answer = await fetch(`${url}/v2/`, { headers, signal });
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

async function login(url: string, user: User, forwardedFor?: string) {
  const start = performance.now();
  const headers = {
    authorization: basic(user, passwords[user]),
    ...(forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }),
  };
  const { status } = await fetch(`${url}/v2/`, { headers });
  return { status, time: performance.now() - start };
}

/** What was answered to logins in the middle of a flood. */
async function during(
  url: string,
  forwardedFor: (number: number) => string,
  logins: () => Promise<readonly { status: number }[]>,
): Promise<readonly number[]> {
  const stop = new AbortController();
  const { answers, ended } = flood(url, stop.signal, forwardedFor);
  try {
    await until('the first refusal', async () => answers.has(refused));
    return (await logins()).map(({ status }) => status);
  } finally {
    stop.abort();
    await ended;
  }
}

describe('G10: a flood of logins with wrong passwords', () => {
  let folder: TempDir;
  let registry: Holdfast;
  const image = randomImage({ layers: 1 });

  beforeAll(async () => {
    folder = await TempDir.create('flood');
    const path = folder.join('htpasswd');
    await writeHtpasswd(path, passwords, 10);
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

  it('slows pulls down little, refuses what cannot wait, and lets in who comes from elsewhere', async () => {
    await pull();
    const quiet = await pull();
    const stop = new AbortController();
    const { answers, ended } = flood(registry.url, stop.signal, oneAddress);
    await until('the first refusal', async () => answers.has(refused));
    const littleSlower = ({ count, p99 }: Pulls) =>
      count > quiet.count / 5 && p99 < Math.max(250, quiet.p99 * 10);
    let flooded = await pull();
    // A machine that is busy with something else may hold up a round, and not each.
    for (let round = 1; round < rounds && !littleSlower(flooded); round++) flooded = await pull();
    const logins = await Promise.all([login(registry.url, 'ben'), login(registry.url, 'carl')]);
    stop.abort();
    await ended;
    const slowest = Math.max(...logins.map(({ time }) => time));
    process.stderr.write(
      `G10: pulls' p99 ${quiet.p99.toFixed(1)} ms (${quiet.count}), in the flood ${flooded.p99.toFixed(1)} ms ` +
        `(${flooded.count}), ratio ${(flooded.p99 / quiet.p99).toFixed(2)}; logins ${JSON.stringify(Object.fromEntries(answers))}; ` +
        `newcomers from elsewhere within ${slowest.toFixed(0)} ms\n`,
    );
    expect([...quiet.statuses, ...flooded.statuses]).toEqual([200, 200]);
    expect(littleSlower(flooded)).toBe(true);
    expect([...answers.keys()].toSorted()).toEqual(['401', refused]);
    expect(logins.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('G10: a flood of logins from many addresses', () => {
  let folder: TempDir;
  let registry: Holdfast;

  beforeAll(async () => {
    folder = await TempDir.create('flood');
    const path = folder.join('htpasswd');
    await writeHtpasswd(path, passwords, 8);
    // Each process has a queue and a memory of its own.
    const config = { http: { workers: 1 }, auth: { htpasswd: { realm: 'flood', path } } };
    registry = await startHoldfast({ config });
  });
  afterAll(async () => {
    await registry?.stop();
    await folder?.remove();
  });

  it('that one host makes up for itself does not keep others out', async () => {
    const madeUp = (number: number) => `${manyNetworks(number)}, 10.9.0.66`;
    const { url } = registry;
    const logins = () =>
      Promise.all([
        login(url, 'dora'),
        login(url, 'emil', '10.9.0.7'),
        login(url, 'fay', '203.0.113.7'),
      ]);
    expect(await during(url, madeUp, logins)).toEqual([200, 200, 200]);
  });

  it('does not keep out who comes from where somebody has logged in before', async () => {
    const office = '203.0.113.9';
    const { url } = registry;
    expect((await login(url, 'gina', office)).status).toBe(200);
    const logins = async () => [await login(url, 'hans', office)];
    expect(await during(url, manyNetworks, logins)).toEqual([200]);
  });
});
