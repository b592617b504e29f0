import type { Registry } from 'prom-client';

import { packageVersion } from './package-version.js';

/** What a process measures of itself, for Prometheus. Nothing is loaded or measured until it is asked for. */
export class ProcessMetrics {
  #registry: Promise<Registry> | undefined;

  async text(): Promise<string> {
    return (await this.#collected()).metrics();
  }

  /** As plain data, to be added up with that of other processes. */
  async values(): Promise<readonly object[]> {
    return (await this.#collected()).getMetricsAsJSON();
  }

  #collected(): Promise<Registry> {
    return (this.#registry ??= collect());
  }
}

/** The sum over several processes, or what their metrics say should be made of them. */
export async function addUp(values: readonly (readonly object[])[]): Promise<string> {
  const { AggregatorRegistry } = await import('prom-client');
  return AggregatorRegistry.aggregate([...values]).metrics();
}

/** What `text` and `addUp` write: the text format of Prometheus. */
export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

async function collect(): Promise<Registry> {
  const { collectDefaultMetrics, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'holdfast_build_info',
    help: 'Which build this is; always 1.',
    labelNames: ['version', 'node'],
    aggregator: 'first',
    registers: [registry],
  }).set({ version: packageVersion(), node: process.versions.node }, 1);
  return registry;
}
