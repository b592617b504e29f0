import type { MeasuredValue } from './measured.js';

/** Upper bounds in seconds, as Go's client of Prometheus has them. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Observed {
  /** How many took no longer than each bound, but longer than the one before. */
  readonly counts: number[];
  total: number;
  sum: number;
}

/** How long things took, by what they were: few numbers, whoever looks at them. */
export class Latencies {
  readonly #observed = new Map<string, Observed>();

  observe(what: string, seconds: number): void {
    let observed = this.#observed.get(what);
    if (observed === undefined) {
      observed = { counts: bounds.map(() => 0), total: 0, sum: 0 };
      this.#observed.set(what, observed);
    }
    const index = bounds.findIndex((bound) => seconds <= bound);
    if (index >= 0) observed.counts[index] = (observed.counts[index] ?? 0) + 1;
    observed.total++;
    observed.sum += seconds;
  }

  /** As a histogram of Prometheus has them. */
  values(label: string): readonly MeasuredValue[] {
    return [...this.#observed].flatMap(([what, { counts, total, sum }]) => {
      const labels = { [label]: what };
      let below = 0;
      const buckets = bounds.map((bound, index) => {
        below += counts[index] ?? 0;
        return {
          suffix: '_bucket' as const,
          labels: { le: String(bound), ...labels },
          value: below,
        };
      });
      return [
        ...buckets,
        { suffix: '_bucket' as const, labels: { le: '+Inf', ...labels }, value: total },
        { suffix: '_sum' as const, labels, value: sum },
        { suffix: '_count' as const, labels, value: total },
      ];
    });
  }
}
