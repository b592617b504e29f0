import { beforeEach, describe, expect, it } from '@jest/globals';

import { MemoryDriver } from '#storage/memory/memory-driver.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { secretListsFolder } from '../paths.js';
import { SecretAgreement } from './secret-agreement.js';
import { SigningSecrets } from './signing-secrets.js';

const minute = 60 * 1000;

describe('SecretAgreement', () => {
  let now: number;
  let driver: MemoryDriver;
  let log: RecordingLog;
  beforeEach(() => {
    now = 1_700_000_000_000;
    driver = new MemoryDriver();
    log = new RecordingLog();
  });

  const replica = async (...configured: readonly string[]) => {
    const secrets = await SigningSecrets.load(driver, configured, () => now);
    const key = configured.length > 0 ? 'http.secrets' : undefined;
    const agreement = new SecretAgreement(driver, { secrets, key, log, now: () => now });
    return { secrets, agreement, look: () => agreement.look() };
  };
  const said = () => log.lines.map(({ level, message }) => `${level} ${message}`);
  const lists = async () => (await driver.list(secretListsFolder)).length;

  it.each([
    ['the same', ['a'], ['a']],
    ['a new one before the old', ['old'], ['new', 'old']],
    ['the old one before a new', ['old', 'new'], ['new', 'old']],
    ['none, and none', [], []],
  ])('has nothing to say of %s', async (_what, one, other) => {
    const replicas = [await replica(...one), await replica(...other)];
    for (const each of [...replicas, ...replicas]) await each.look();
    expect(replicas.map(({ agreement }) => agreement.problem)).toEqual([undefined, undefined]);
    expect(log.lines).toEqual([]);
  });

  it('says once to each of two with nothing in common which key to set', async () => {
    const [one, other] = [await replica('a', 'b'), await replica('c')];
    for (const each of [one, other, one, other]) await each.look();
    for (const { agreement } of [one, other]) {
      expect(agreement.problem).toContain('set the same http.secret everywhere');
    }
    expect(said()).toEqual(
      Array.from({ length: 2 }, () => 'warn HTTP secrets differ from those of other replicas'),
    );
  });

  it('tells who has none configured to take that of the others', async () => {
    await (await replica('a')).look();
    const { agreement } = await replica();
    await agreement.look();
    expect(agreement.problem).toMatch(
      /\(none configured\).*\(http\.secrets\).*set http\.secret here/,
    );
  });

  it('is content again when the secrets are', async () => {
    await (await replica('a')).look();
    const { agreement, secrets } = await replica('b');
    await agreement.look();
    secrets.replace(['b', 'a']);
    await agreement.look();
    expect(agreement.problem).toBeUndefined();
    expect(said()).toHaveLength(2);
  });

  it('forgets who stopped, and removes what they left a day later', async () => {
    await (await replica('a')).look();
    now += 26 * minute;
    const { agreement } = await replica('b');
    await agreement.look();
    expect([agreement.problem, await lists()]).toEqual([undefined, 2]);
    now += 24 * 60 * minute;
    await agreement.look();
    expect(await lists()).toBe(1);
  });

  it('goes on to be seen for as long as it looks', async () => {
    const { agreement } = await replica('a');
    for (let turn = 0; turn < 4; turn++) {
      await agreement.look();
      now += 10 * minute;
    }
    const stranger = await replica('b');
    await stranger.look();
    expect(stranger.agreement.problem).toBeDefined();
  });

  it.each(['', '{', '{"seenAt":1}', 'x'.repeat(20_000)])(
    'passes over a list that is damaged: %#',
    async (content) => {
      await driver.put([{ path: `${secretListsFolder}/x`, content: Buffer.from(content) }]);
      const { agreement } = await replica('a');
      await agreement.look();
      expect([agreement.problem, ...said()]).toEqual([undefined]);
    },
  );

  it('stores nothing that is the same in another storage, and no secret', async () => {
    await (await replica('canary')).look();
    const before = await wholeOf(driver);
    driver = new MemoryDriver();
    await (await replica('canary')).look();
    const fingerprints = (text: string) => /"fingerprints":\["([0-9a-f]+)"\]/.exec(text)?.[1];
    expect(fingerprints(before)).toHaveLength(32);
    expect(fingerprints(await wholeOf(driver))).not.toBe(fingerprints(before));
    expect(before).not.toContain('canary');
  });

  it('says that it could not compare, and stays with what it knew', async () => {
    await (await replica('a')).look();
    const { agreement } = await replica('b');
    await agreement.look();
    driver.list = async () => Promise.reject(new Error('away'));
    await agreement.look();
    expect(agreement.problem).toBeDefined();
    expect(said().at(-1)).toContain('could not be compared');
  });
});

async function wholeOf(driver: MemoryDriver): Promise<string> {
  const entries = await driver.list(secretListsFolder);
  const contents = await Promise.all(
    entries.map(({ name }) => driver.get(`${secretListsFolder}/${name}`, { limit: 4096 })),
  );
  return contents.join('');
}
