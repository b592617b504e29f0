import { describe, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { projectRoot } from '../support/holdfast.js';
import { runChaos } from './run-chaos.js';

jest.setTimeout(300_000);

const seed = Number(process.env['HOLDFAST_TEST_SEED'] ?? 1);

describeWith(['minio', 'redis-server', 'haproxy'], `chaos with seed ${seed}`, () => {
  it('loses, spoils and confuses nothing, whatever breaks', async () => {
    const report = await runChaos({ seed, duration: 75_000 });
    const { anomalies, ...counts } = report;
    process.stdout.write(`${JSON.stringify(counts)}\n`);
    expect(anomalies).toEqual([]);
    // Enough happened for that to mean something.
    expect(counts.acts['push']?.ok).toBeGreaterThan(50);
    expect(counts.registers).toBeGreaterThan(200);
    expect(Object.keys(counts.faults).length).toBeGreaterThan(5);
  });

  describe('the checker', () => {
    it.each(['cached-tag', 'no-compare', 'early-answer'])(
      'sees the planted bug %s',
      async (plant) => {
        const planted = `${projectRoot}dist/test/chaos/planted-replica.js`;
        // A bug shows when two acts meet in its way: what is shown is that it does within a minute.
        let seen = false;
        for (let turn = 0; turn < 5 && !seen; turn++) {
          const { anomalies } = await runChaos({
            seed: seed + turn,
            duration: 9_000,
            clients: 8,
            withFaults: false,
            narrow: true,
            cluster: { main: [process.execPath, planted, plant] },
          });
          seen = anomalies.some(({ kind }) => ['lost', 'not linearizable'].includes(kind));
        }
        expect(seen).toBe(true);
      },
    );
  });
});
