import { randomBytes } from 'node:crypto';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { errorOf } from '../support/exchange.js';
import { freePort } from '../support/free-port.js';
import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { digestOf } from '../support/registry-api.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { Uploader } from '../support/uploader.js';

jest.setTimeout(120_000);

const name = 'library/secrets';

interface Replica {
  readonly holdfast: Holdfast;
  readonly debug: string;
  readonly metric: (name: string) => Promise<number>;
}

/** Requests of one upload, each to another replica than the one before. */
class RoundRobin {
  readonly content = randomBytes(3000);
  readonly #uploaders: readonly Uploader[];
  #turn = 0;

  constructor(replicas: readonly Replica[]) {
    this.#uploaders = replicas.map(
      ({ holdfast }) => new Uploader(holdfast.url, name, this.content),
    );
  }

  get next(): Uploader {
    return this.#uploaders[this.#turn++ % this.#uploaders.length] as Uploader;
  }

  async begin(): Promise<string> {
    return this.next.begin();
  }

  async patch(location: string, part: 0 | 1): Promise<string> {
    const start = part * 1000;
    const uploader = this.next;
    const answer = await uploader.patch(
      location,
      this.content.subarray(start, start + 1000),
      start,
    );
    return uploader.accepted(answer, start + 999);
  }

  async put(location: string): Promise<number> {
    const digest = digestOf(this.content);
    return (await this.next.put(location, digest, this.content.subarray(2000))).status;
  }

  async whole(between: () => Promise<void> = async () => {}): Promise<number> {
    const begun = await this.begin();
    await between();
    const half = await this.patch(begun, 0);
    await between();
    const most = await this.patch(half, 1);
    await between();
    return this.put(most);
  }
}

describe('A4, H7: HTTP secrets of replicas on one storage', () => {
  let folder: TempDir;
  const replicas: Replica[] = [];
  beforeEach(async () => {
    folder = await TempDir.create('http-secrets');
  });
  afterEach(async () => {
    await Promise.all(replicas.splice(0).map(({ holdfast }) => holdfast.stop()));
    await folder.remove();
  });

  async function start(http: object, env: Readonly<Record<string, string>> = {}): Promise<Replica> {
    const addr = `127.0.0.1:${await freePort()}`;
    const debug = `http://${addr}`;
    const holdfast = await startHoldfast({
      root: folder.join('data'),
      env,
      config: { http: { workers: 1, debug: { addr, prometheus: { enabled: true } }, ...http } },
    });
    // One worker answers before the others have read the file.
    await holdfast.process.waitForLine(/ serving /);
    const metric = async (metricName: string) => {
      const text = await (await fetch(`${debug}/metrics`)).text();
      const line = text.split('\n').find((each) => each.startsWith(metricName)) ?? '';
      return Number(line.slice(line.lastIndexOf(' ') + 1));
    };
    const replica = { holdfast, debug, metric };
    replicas.push(replica);
    return replica;
  }

  const listPath = (file = '') => folder.join('data', 'holdfast/v1/http-secrets/lists', file);
  const lists = () => readdir(listPath()).catch(() => []);
  const compared = (replica: Replica) =>
    replica.holdfast.process.waitForLine(/HTTP secrets differ from those of other replicas/);
  const readiness = async ({ debug }: Replica) => {
    const answer = await fetch(`${debug}/readyz`);
    return { status: answer.status, text: await answer.text() };
  };

  it.each([
    ['the same', { secret: 'canary-one' }, { secret: 'canary-one' }],
    ['none', {}, {}],
    ['a list and its first', { secrets: ['canary-one', 'canary-two'] }, { secret: 'canary-one' }],
    [
      'a list, and another in which the first is new',
      { secrets: ['canary-one', 'canary-two'] },
      { secrets: ['canary-two', 'canary-one'] },
    ],
  ])('go on with each other’s uploads with %s', async (_what, one, other) => {
    const both = [await start(one), await start(other)];
    for (const pair of [both, both.toReversed()]) {
      expect(await new RoundRobin(pair).whole()).toBe(201);
    }
  });

  it.each([
    ['others', { secret: 'canary-one' }, { secrets: ['canary-two'] }, 'everywhere'],
    ['none and one', { secret: 'canary-one' }, {}, 'set http.secret here'],
  ])(
    'refuse cleanly and say why with %s, and the upload goes on where it began',
    async (_what, one, other, remedy) => {
      const first = await start(one);
      const { content } = new RoundRobin([first]);
      const home = new Uploader(first.holdfast.url, name, content);
      const begun = await home.begin();
      const location = home.accepted(await home.patch(begun, content.subarray(0, 1000)), 999);
      await until('the first to say what it uses', async () => (await lists()).length > 0);
      const second = await start(other);
      const abroad = new Uploader(second.holdfast.url, name, content);
      const withoutState = location.replace(/\?.*/, '');
      for (const asked of [begun, location, withoutState]) {
        const answers = [
          await abroad.status(asked),
          await abroad.patch(asked, content),
          await abroad.put(asked),
          await abroad.api.send('DELETE', asked),
        ];
        expect(answers.map((answer) => [answer.status, errorOf(answer).code])).toEqual(
          answers.map(() => [404, 'BLOB_UPLOAD_UNKNOWN']),
        );
      }
      await compared(second);
      const { status, text } = await readiness(second);
      expect([status, text]).toEqual([200, expect.stringContaining(remedy)]);
      expect(await second.metric('holdfast_http_secret_strange')).toBe(1);
      expect(second.holdfast.output + text).not.toContain('canary');
      const rest = await home.put(location, home.digest, content.subarray(1000));
      expect(await home.pulledAfter(rest)).toBe('what was pushed');
    },
  );

  it('are what SIGHUP brings, also none and one where there was none', async () => {
    const replica = await start({ secret: 'canary-leaked', workers: 2 });
    const { holdfast } = replica;
    const round = () => new RoundRobin([replica]);
    const begun = await round().begin();
    const statuses = async (location: string) => {
      const all: number[] = [];
      for (let i = 0; i < 8; i++) all.push((await round().next.status(location)).status);
      return [...new Set(all)].join();
    };
    const reload = async (change: (text: string) => string, applied: () => Promise<boolean>) => {
      await writeFile(holdfast.configFile, change(await readFile(holdfast.configFile, 'utf8')));
      holdfast.process.signal('SIGHUP');
      await until('every worker to apply it', applied);
      expect(await round().whole()).toBe(201);
    };
    expect(await statuses(begun)).toBe('204');
    const none = (text: string) => text.replace(/^ *secret: .*\n/m, '');
    await reload(none, async () => (await statuses(begun)) === '404');
    const signedByKept = await round().begin();
    expect(await statuses(signedByKept)).toBe('204');
    const some = (text: string) => text.replace(/^http:\n/m, '$&  secret: canary-new\n');
    await reload(some, async () => (await statuses(signedByKept)) === '404');
    expect(await statuses(begun)).toBe('404');

    await writeFile(folder.join('secrets'), '');
    const empty = (text: string) =>
      none(text).replace(/^http:\n/m, `$&  secretfile: ${folder.join('secrets')}\n`);
    const signed = await round().begin();
    await reload(empty, async () => /new configuration cannot be used/.test(holdfast.output));
    expect(await statuses(signed)).toBe('204');
    await writeFile(folder.join('secrets'), 'canary-filed');
    await reload(String, async () => (await statuses(signed)) === '404');
    expect(holdfast.output).not.toContain('these keys need a restart');
    expect(holdfast.output).not.toContain('canary');
  });

  describe('in a file', () => {
    const file = () => folder.join('secrets');
    const write = async (...secrets: readonly string[]) => {
      await writeFile(`${file()}.new`, secrets.join('\n'));
      await rename(`${file()}.new`, file());
    };
    const count = (replica: Replica, text: string) =>
      replica.holdfast.output.split(text).length - 1;
    /** Each of two workers of each replica has seen what was written so often. */
    const allSaw = (text: string, times: number) =>
      until(`every worker to say "${text}"`, async () =>
        replicas.every((replica) => count(replica, text) >= 2 * times),
      );

    it('lose no session while they are rotated, with workers', async () => {
      await write('canary-one');
      const both = [
        await start({ secretfile: file(), workers: 2 }),
        await start({ secretfile: file(), workers: 2 }),
      ];
      const statuses: number[] = [];
      let rotating = true;
      const waits = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
      const runner = async () => {
        while (rotating) statuses.push(await new RoundRobin(both).whole());
      };
      // These live through every change, with a request between each two.
      const patient = waits.map(async (_wait, index) => {
        const steps = waits.slice(1).map(({ promise }) => promise);
        const pair = index % 2 === 0 ? both : both.toReversed();
        return new RoundRobin(pair).whole(async () => steps.shift());
      });
      const runners = [runner(), runner()];
      for (const [index, list] of [
        ['canary-two', 'canary-one'],
        ['canary-three', 'canary-two', 'canary-one'],
        ['canary-one', 'canary-four'],
      ].entries()) {
        await write(...list);
        await allSaw('secret file reloaded', index + 1);
        waits[index + 1]?.resolve();
      }
      statuses.push(...(await Promise.all(patient)));
      rotating = false;
      await Promise.all(runners);
      expect(statuses.filter((status) => status !== 201)).toEqual([]);
      expect(statuses.length).toBeGreaterThan(20);
      process.stdout.write(`A4: 0 of ${statuses.length} uploads lost in 3 rotations\n`);

      // What is no longer listed is not accepted any more.
      const begun = await new RoundRobin(both).begin();
      await write('canary-four');
      await allSaw('secret file reloaded', 4);
      const refused = await new RoundRobin(both).next.status(begun);
      expect([refused.status, errorOf(refused).code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
      expect(await new RoundRobin(both).whole()).toBe(201);
      await until('the list in use now to be written down', async () => {
        const texts = (await lists()).map(async (file) => readFile(listPath(file), 'utf8'));
        const sizes = (await Promise.all(texts)).map((text) => text.split(',').length);
        return sizes.includes(3);
      });
      for (const { holdfast } of both) expect(holdfast.output).not.toContain('canary');
    });

    it('stay as they are where a new file cannot be used', async () => {
      await write('canary-one');
      const replica = await start({ secretfile: file(), workers: 2 });
      const round = new RoundRobin([replica]);
      const begun = await round.begin();
      await write('');
      await allSaw('new secret file cannot be used; the old one stays', 1);
      const half = await round.patch(begun, 0);
      expect(await replica.metric('holdfast_file_reload_failures_total{file="secret file"}')).toBe(
        2,
      );
      expect((await readiness(replica)).status).toBe(200);
      await write('canary-two', 'canary-one');
      await allSaw('secret file reloaded', 1);
      expect(await round.put(await round.patch(half, 1))).toBe(201);
    });
  });
});
