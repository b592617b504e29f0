import type { Row, Sample } from './rows/row.js';
import type { ServerName } from './servers/server.js';

export interface Figure {
  readonly value: number;
  readonly cpu: number | undefined;
  readonly peak: number | undefined;
  readonly spread: number;
  readonly note: string | undefined;
}

/** All samples of a run; a figure is the median of its rounds. */
export class Results {
  private readonly samples = new Map<string, Sample[]>();
  readonly failures: string[] = [];

  add(row: Row, server: ServerName, sample: Sample): void {
    const key = `${row.id} ${server}`;
    this.samples.set(key, [...(this.samples.get(key) ?? []), sample]);
    if (sample.failures > 0)
      this.failures.push(
        `${row.id}, ${server}: ${sample.failures} wrong answers, e.g. ${sample.examples[0] ?? '?'}`,
      );
  }

  fail(group: string, server: ServerName, error: unknown): void {
    this.failures.push(
      `${group}, ${server}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }

  figure(row: Row, server: ServerName): Figure | undefined {
    const samples = this.samples.get(`${row.id} ${server}`);
    if (samples === undefined) return undefined;
    const values = samples.map((sample) => sample.value);
    return {
      value: median(values),
      cpu: optionalMedian(samples.map((sample) => sample.cpu)),
      peak: optionalMedian(samples.map((sample) => sample.peak)),
      spread: (Math.max(...values) - Math.min(...values)) / median(values),
      note: samples[0]?.note,
    };
  }

  /** How many times Distribution's rate (for a time: how many times as fast), and its CPU. */
  ratios(row: Row, server: ServerName): { rate: number; cpu: number | undefined } | undefined {
    const ours = this.figure(row, server);
    const theirs = this.figure(row, 'distribution');
    if (ours === undefined || theirs === undefined) return undefined;
    const smallerIsBetter = row.unit === 'ms' || row.unit === 'MB';
    const cpu =
      ours.cpu === undefined || theirs.cpu === undefined ? undefined : ours.cpu / theirs.cpu;
    return { rate: smallerIsBetter ? theirs.value / ours.value : ours.value / theirs.value, cpu };
  }

  /** Whether every part of the aim is met; undefined where it was not measured. */
  reached(row: Row, server: ServerName): boolean | undefined {
    const { rate, cpu, most } = row.aim;
    const figure = this.figure(row, server);
    if (figure === undefined || (rate ?? cpu ?? most) === undefined) return undefined;
    if (most !== undefined && figure.value > most) return false;
    if (rate === undefined && cpu === undefined) return true;
    const ratios = this.ratios(row, server);
    if (ratios === undefined) return undefined;
    return (
      (rate === undefined || ratios.rate >= rate) &&
      (cpu === undefined || (ratios.cpu ?? Infinity) <= cpu)
    );
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

function optionalMedian(values: readonly (number | undefined)[]): number | undefined {
  const present = values.filter((value) => value !== undefined);
  return present.length === 0 ? undefined : median(present);
}
