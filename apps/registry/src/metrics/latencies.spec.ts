import { describe, expect, it } from '@jest/globals';

import { Latencies } from './latencies.js';
import { ProcessMetrics } from './process-metrics.js';

describe('Latencies', () => {
  it('are a histogram of Prometheus', async () => {
    const latencies = new Latencies();
    for (const seconds of [0.001, 0.005, 0.03, 20]) latencies.observe('Stat', seconds);
    latencies.observe('Forget', 0.2);
    const metrics = new ProcessMetrics([
      {
        kind: 'histogram',
        name: 'test_seconds',
        help: 'Time.',
        labelNames: ['operation'],
        values: () => latencies.values('operation'),
      },
    ]);
    const lines = (await metrics.text())
      .split('\n')
      .filter((line) => line.includes('test_seconds'));
    expect(lines).toEqual(
      expect.arrayContaining([
        '# TYPE test_seconds histogram',
        'test_seconds_bucket{le="0.005",operation="Stat"} 2',
        'test_seconds_bucket{le="0.025",operation="Stat"} 2',
        'test_seconds_bucket{le="0.05",operation="Stat"} 3',
        'test_seconds_bucket{le="10",operation="Stat"} 3',
        'test_seconds_bucket{le="+Inf",operation="Stat"} 4',
        'test_seconds_count{operation="Stat"} 4',
        'test_seconds_bucket{le="0.25",operation="Forget"} 1',
      ]),
    );
    expect(
      latencies.values('operation').find(({ suffix }) => suffix === '_sum')?.value,
    ).toBeCloseTo(20.036);
  });
});
