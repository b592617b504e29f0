import { parseArgs } from 'node:util';

import { distribution } from './distribution.js';
import { runChaos } from './run-chaos.js';

/*
 * The long run: `npm run chaos -- --minutes 60 --seed 7 [--history FILE] [--clients 6] [--peer]`. Ends with 1 when
 * anything is wrong; the same seed makes the same choices again. With `--peer` Distribution takes the place of Holdfast.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    clients: { type: 'string', default: '6' },
    history: { type: 'string' },
    peer: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
process.stdout.write(`seed ${seed}\n`);
const report = await runChaos({
  seed,
  duration: Number(values.minutes) * 60_000,
  clients: Number(values.clients),
  ...(values.peer && { cluster: distribution }),
  ...(values.history !== undefined && { file: values.history }),
});
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
if (report.anomalies.length > 0) process.exitCode = 1;
