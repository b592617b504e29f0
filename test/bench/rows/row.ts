/** What Holdfast should reach: ratios to Distribution 3.1.1, or an absolute bound on the value. */
export interface Aim {
  readonly rate?: number;
  readonly cpu?: number;
  readonly most?: number;
}

export interface Row {
  readonly id: string;
  readonly title: string;
  readonly unit: '/s' | 'MB/s' | 'ms' | 'MB';
  readonly cpuUnit?: 'ms/1000' | 'ms each' | 's/GB';
  readonly aim: Aim;
  /** On a bucket. */
  readonly bucketAim?: Aim;
}

export interface Sample {
  readonly value: number;
  readonly cpu?: number;
  /** Bytes of the largest process. */
  readonly peak?: number;
  readonly failures: number;
  readonly examples: readonly string[];
  readonly note?: string;
}

export const KiB = 1024;
export const MiB = 1024 * KiB;
