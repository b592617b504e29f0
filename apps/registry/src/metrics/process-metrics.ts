import type { Counter, Gauge, Histogram, Registry } from 'prom-client';

import type { Measured, MeasuredValue } from './measured.js';
import { packageVersion } from './package-version.js';

/** What a process measures of itself, for Prometheus. Nothing is loaded or measured until it is asked for. */
export class ProcessMetrics {
  #registry: Promise<Registry> | undefined;

  constructor(private readonly measured: readonly Measured[] = []) {}

  async text(): Promise<string> {
    return (await this.#collected()).metrics();
  }

  /** As plain data, to be added up with that of other processes. */
  async values(): Promise<readonly object[]> {
    return (await this.#collected()).getMetricsAsJSON();
  }

  #collected(): Promise<Registry> {
    return (this.#registry ??= collect(this.measured));
  }
}

/** The sum over several processes, or what their metrics say should be made of them. */
export async function addUp(values: readonly (readonly object[])[]): Promise<string> {
  const { AggregatorRegistry } = await import('prom-client');
  return AggregatorRegistry.aggregate([...values]).metrics();
}

/** What `text` and `addUp` write: the text format of Prometheus. */
export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

async function collect(measured: readonly Measured[]): Promise<Registry> {
  const { collectDefaultMetrics, Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'holdfast_build_info',
    help: 'Which build this is; always 1.',
    labelNames: ['version', 'node'],
    aggregator: 'first',
    registers: [registry],
  }).set({ version: packageVersion(), node: process.versions.node }, 1);
  for (const each of measured) {
    const { kind, name, help, labelNames = [], values } = each;
    const options = { name, help, labelNames, registers: [registry] };
    if (kind === 'histogram') registry.registerMetric(histogramOf(each));
    else if (kind === 'counter') {
      new Counter({
        ...options,
        collect() {
          fill(this, values());
        },
      });
    } else {
      new Gauge({
        ...options,
        collect() {
          fill(this, values());
        },
      });
    }
  }
  return registry;
}

function fill(metric: Counter | Gauge, values: readonly MeasuredValue[]): void {
  metric.reset();
  for (const { labels = {}, value } of values) metric.inc(labels, value);
}

/** The library's own can only observe; this shows what was counted elsewhere, as the library shows sums over processes. */
function histogramOf({ name, help, values }: Measured): Histogram {
  const get = () =>
    Promise.resolve({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: values().map(({ suffix = '', labels = {}, value }) => ({
        metricName: name + suffix,
        labels,
        value,
      })),
    });
  return { name, get } as unknown as Histogram;
}
