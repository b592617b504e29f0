import { describe, expect, it } from '@jest/globals';

import { addUp, ProcessMetrics } from './process-metrics.js';

describe('ProcessMetrics', () => {
  let failures = 0;
  const metrics = () =>
    new ProcessMetrics([
      {
        kind: 'counter',
        name: 'holdfast_failures_total',
        help: 'Failures.',
        labelNames: ['what'],
        values: () => [{ labels: { what: 'a file' }, value: failures }],
      },
      { kind: 'gauge', name: 'holdfast_worries', help: 'Worries.', values: () => [{ value: 2 }] },
    ]);

  it('tells what is measured elsewhere, as it is when it is asked', async () => {
    const asked = metrics();
    failures = 1;
    expect(await asked.text()).toContain('holdfast_failures_total{what="a file"} 1\n');
    failures = 3;
    const text = await asked.text();
    expect(text).toContain('# TYPE holdfast_failures_total counter\n');
    expect(text).toContain('holdfast_failures_total{what="a file"} 3\n');
    expect(text).toMatch(/^holdfast_worries 2$/m);
  });

  it('adds up what several processes measured', async () => {
    failures = 4;
    const text = await addUp([await metrics().values(), await metrics().values()]);
    expect(text).toContain('holdfast_failures_total{what="a file"} 8\n');
  });
});
