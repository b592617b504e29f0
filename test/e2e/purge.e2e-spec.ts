import { once } from 'node:events';
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { sha256 } from '../support/random-image.js';
import { RegistryClient } from '../support/registry-client.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

jest.setTimeout(60_000);

const day = 24 * 60 * 60 * 1000;
const uploadsOf = (root: string, name: string) =>
  join(root, 'docker/registry/v2/repositories', name, '_uploads');

interface LogLine {
  readonly time: string;
  readonly msg: string;
  readonly path?: string;
}

describe('upload purging', () => {
  let folder: TempDir;
  const running: Holdfast[] = [];
  beforeEach(async () => {
    folder = await TempDir.create('purge');
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((registry) => registry.stop()));
    await folder.remove();
  });

  async function start(
    maintenance: Readonly<Record<string, unknown>>,
    { root = folder.join('data'), workers = 1 } = {},
  ): Promise<Holdfast> {
    const registry = await startHoldfast({
      root,
      config: {
        storage: { filesystem: { rootdirectory: root }, maintenance },
        http: { workers },
        log: { formatter: 'json' },
      },
    });
    running.push(registry);
    return registry;
  }

  const logOf = ({ output }: Holdfast): LogLine[] =>
    output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine);
  const rounds = (registry: Holdfast) =>
    logOf(registry).filter(({ msg }) => msg === 'uploads purged');

  /** An upload of Distribution's, whose files were last written so long ago. */
  async function leftByDistribution(root: string, name: string, id: string, ages: object) {
    const upload = join(uploadsOf(root, name), id);
    await mkdir(upload, { recursive: true });
    for (const [file, age] of Object.entries(ages)) {
      const then = new Date(Date.now() - Number(age));
      await writeFile(join(upload, file), 'x');
      await utimes(join(upload, file), then, then);
    }
  }

  async function begin(url: string, name: string): Promise<string> {
    const { headers } = await new RegistryClient(url).request('POST', `/v2/${name}/blobs/uploads/`);
    return headers.get('location') ?? '';
  }

  async function patch(url: string, location: string, body: Buffer) {
    const headers = { 'content-type': 'application/octet-stream' };
    const answer = await new RegistryClient(url).request('PATCH', location, { headers, body });
    expect(answer.status).toBe(202);
    return answer.headers.get('location') ?? '';
  }

  it('removes what Distribution left, by its last byte, with or without startedat (row E6)', async () => {
    const root = folder.join('data');
    await leftByDistribution(root, 'team/app', 'old', { data: 8 * day, startedat: 9 * day });
    await leftByDistribution(root, 'team/app', 'orphan', { data: 8 * day });
    await leftByDistribution(root, 'team/app', 'slow', { data: 6 * day, startedat: 9 * day });
    await leftByDistribution(root, 'team/app', 'new', { data: 0, startedat: 0 });
    const registry = await start({ uploadpurging: { age: '168h', interval: '1s' } });
    await until('a round', async () => rounds(registry).length > 0);
    expect(await readdir(uploadsOf(root, 'team/app'))).toEqual(['new', 'slow']);
    const removed = logOf(registry).filter(({ msg }) => msg === 'abandoned upload purged');
    expect(removed.map(({ path }) => path?.split('/').at(-1))).toEqual(['old', 'orphan']);
  });

  it('never removes a slow upload that lives, while abandoned ones go; one process at a time (row E6)', async () => {
    const registry = await start({ uploadpurging: { age: '4s', interval: '1s' } }, { workers: 2 });
    const { url } = registry;
    const slow = await begin(url, 'slow');
    const live = request(new URL(slow, url), { method: 'PATCH' });
    const sent: Buffer[] = [];
    const dribble = setInterval(() => {
      sent.push(Buffer.from(`${sent.length}.`));
      live.write(sent.at(-1));
    }, 100);
    try {
      const abandoned = await patch(url, await begin(url, 'abandoned'), Buffer.from('x'));
      await until('a round that removed it', async () =>
        logOf(registry).some(({ msg }) => msg === 'abandoned upload purged'),
      );
      const seen = rounds(registry).length;
      await until('more rounds', async () => rounds(registry).length > seen + 2);
      expect((await new RegistryClient(url).request('GET', abandoned)).status).toBe(404);
    } finally {
      clearInterval(dribble);
    }
    live.end();
    const [answer] = await once(live, 'response');
    answer.resume();
    expect(answer.statusCode).toBe(202);
    const digest = sha256(Buffer.concat(sent));
    const location = new URL(answer.headers.location, url);
    location.searchParams.set('digest', digest);
    const put = `${location.pathname}${location.search}`;
    expect((await new RegistryClient(url).request('PUT', put)).status).toBe(201);
    expect((await new RegistryClient(url).blob('slow', digest)).body).toEqual(Buffer.concat(sent));

    const times = rounds(registry).map(({ time }) => Date.parse(time));
    // Each of two processes for itself would make twice as many.
    const seconds = (Math.max(...times) - Math.min(...times)) / 1000;
    expect(times.length - 1).toBeLessThanOrEqual(seconds + 1);
  });

  it('removes nothing when it runs dry, and says what it would', async () => {
    const root = folder.join('data');
    await leftByDistribution(root, 'app', 'old', { data: 8 * day });
    const registry = await start({ uploadpurging: { interval: '1s', dryrun: true } });
    await until('two rounds', async () => {
      const dry = logOf(registry).filter(({ msg }) => msg.startsWith('uploads looked through'));
      return dry.length > 1;
    });
    expect(logOf(registry).map(({ msg }) => msg)).toContain('abandoned upload would be purged');
    expect(await readdir(uploadsOf(root, 'app'))).toEqual(['old']);
  });

  it.each([
    ['in a registry that is read-only', { readonly: { enabled: true } }],
    ['where it is disabled', { uploadpurging: { enabled: false } }],
  ])('never runs %s', async (_where, keys) => {
    const uploadpurging = { interval: '1s', age: '1s' };
    const quietRoot = folder.join('quiet');
    await leftByDistribution(quietRoot, 'app', 'old', { data: 8 * day });
    const quiet = await start(
      {
        ...keys,
        uploadpurging: { ...uploadpurging, ...(keys as Record<string, object>)['uploadpurging'] },
      },
      { root: quietRoot },
    );
    const busy = await start({ uploadpurging });
    await until('three rounds elsewhere', async () => rounds(busy).length > 2);
    expect(rounds(quiet)).toEqual([]);
    expect(await stat(join(uploadsOf(quietRoot, 'app'), 'old/data'))).toBeDefined();
  });
});
