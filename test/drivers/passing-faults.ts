import type { IncomingMessage } from 'node:http';

import type { FaultProxy } from '../support/proxies/fault-proxy.js';

/** More of them in a long run: `HOLDFAST_TEST_SEEDS=1,2,3`. */
export const seeds = (process.env['HOLDFAST_TEST_SEEDS'] ?? '1').split(',').map(Number);

/** What object stores and networks do on bad days and which is over at the next attempt: one request in eight or so. */
export function addPassingFaults(proxy: FaultProxy): void {
  proxy.add({ chance: 0.1, fault: { kind: 'latency', ms: [1, 30] } });
  proxy.add({ chance: 0.03, fault: { kind: 'answer', status: 503, body: 'busy' } });
  proxy.add({ chance: 0.02, fault: { kind: 'answer', status: 500, body: 'failed' } });
  proxy.add({ chance: 0.01, fault: { kind: 'answer', status: 429, body: 'slow down' } });
  proxy.add({ chance: 0.01, fault: { kind: 'answer', status: 502, body: '' } });
  proxy.add({
    chance: 0.03,
    fault: { kind: 'lost-answer' },
    where: ({ method }: IncomingMessage) => method !== 'GET',
  });
  proxy.add({
    chance: 0.03,
    fault: { kind: 'cut', direction: 'request', afterBytes: [1, 100_000] },
    where: ({ method }: IncomingMessage) => method === 'PUT' || method === 'POST',
  });
  proxy.add({
    chance: 0.04,
    fault: { kind: 'cut', direction: 'answer', afterBytes: [0, 100_000] },
    method: 'GET',
  });
  proxy.add({
    chance: 0.01,
    fault: { kind: 'stall', direction: 'answer', afterBytes: [0, 50_000] },
    method: 'GET',
    times: 3,
  });
  proxy.add({ chance: 0.005, fault: { kind: 'hang' }, times: 2 });
}
