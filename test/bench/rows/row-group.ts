import type { ServerName } from '../servers/server.js';
import type { Workshop } from '../workshop.js';
import type { Row, Sample } from './row.js';

/** Rows that are measured on one running server. */
export interface RowGroup {
  readonly id: string;
  readonly rows: readonly Row[];
  /** Too long for every round: the first is enough. */
  readonly once?: boolean;
  /** It reads or writes files of the storage itself, so that there is nothing to measure in a bucket. */
  readonly filesOnly?: boolean;
  measures(name: ServerName): boolean;
  measure(
    workshop: Workshop,
    name: ServerName,
    wanted: (row: Row) => boolean,
  ): Promise<Map<Row, Sample>>;
}

export const isRegistry = (name: ServerName): boolean => name !== 'nginx';
export const isHoldfast = (name: ServerName): boolean => name.startsWith('holdfast');
