/** Numbers that the process keeps anyway, under one name. They are read when somebody asks, and cost nothing until then. */
export interface Measured {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** In the form of Prometheus; a counter's ends with `_total`. */
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  readonly values: () => readonly MeasuredValue[];
}

export interface MeasuredValue {
  /** Which line of a histogram it is. */
  readonly suffix?: '_bucket' | '_sum' | '_count';
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}
