import { Agent } from 'node:http';

import { describe, expect, it } from '@jest/globals';

import { RegistryClient } from '../support/registry-client.js';
import { digestOf } from './http-pusher.js';
import type { Plant } from './processes/plants.js';
import { inspect } from './registry-folder.js';
import { RegistryProcess } from './registry-process.js';
import { SessionRace } from './session-races.js';
import { withFolder } from './with-folder.js';

/** A refusal that the protocol has; 404 once the session is over, 400 where the bytes are not those of the digest. */
const fair =
  /^(POST 202|PATCH (202|404|416|cut)|PUT (201|400|404|416|cut)|GET (204|404)|DELETE (204|404|416))$/;

async function raceOften(count: number, bug?: Plant) {
  return withFolder(async (folder) => {
    const options = bug ? [`--plant=${bug}`] : [];
    const registries: RegistryProcess[] = [];
    const agent = new Agent({ keepAlive: true });
    try {
      for (let index = 0; index < 2; index++) {
        registries.push(await RegistryProcess.start(folder, options));
      }
      const urls = registries.map(({ url }) => url);
      const races: SessionRace[] = [];
      const seeds = Array.from({ length: count }, (_, index) => index + 1);
      const runner = async () => {
        for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
          races.push(await SessionRace.run(agent, urls, seed));
        }
      };
      await Promise.all([runner(), runner(), runner()]);
      const missing = await missingOf(races, urls[0] ?? '');
      const logs = registries.map((registry) => registry.log);
      return { ...(await inspect(folder)), missing, answers: countsOf(races), logs };
    } finally {
      agent.destroy();
      for (const registry of registries) await registry.kill();
    }
  });
}

async function missingOf(races: readonly SessionRace[], url: string): Promise<string[]> {
  const client = new RegistryClient(url);
  const missing: string[] = [];
  for (const digest of new Set(races.flatMap(({ committed }) => committed.map(digestOf)))) {
    const { status } = await client.request('HEAD', `/v2/race/blobs/${digest}`);
    if (status !== 200) missing.push(digest);
  }
  return missing;
}

function countsOf(races: readonly SessionRace[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const answer of races.flatMap(({ answers }) => answers)) {
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  return counts;
}

describe('A8 several requests on one upload session, to two registries', () => {
  it('never alter a committed blob, in 1,000 interleavings', async () => {
    const { corrupt, dangling, missing, blobs, answers, logs } = await raceOften(1000);
    expect({ corrupt, dangling, missing }).toEqual({ corrupt: [], dangling: [], missing: [] });
    const unfair = Object.keys(answers).filter((answer) => !fair.test(answer));
    expect(unfair.length === 0 ? [] : [...unfair, ...logs]).toEqual([]);
    expect(blobs).toBeGreaterThan(500);
    process.stdout.write(`A8 over HTTP: 0 of ${blobs} corrupt; ${JSON.stringify(answers)}\n`);
  }, 180_000);

  it.each(['shared-claim', 'shared-recovery'] as const)(
    'would be seen to do so by a registry that has the bug %s',
    async (bug) => {
      expect((await raceOften(200, bug)).corrupt).not.toEqual([]);
    },
    120_000,
  );
});
