import { setTimeout as delay } from 'node:timers/promises';

import { isHoldfast, isRegistry, type RowGroup } from './row-group.js';
import type { Row, Sample } from './row.js';

const startRow: Row = {
  id: 'start',
  title: 'start to first answer',
  unit: 'ms',
  aim: { most: 600 },
};
const idleRow: Row = {
  id: 'idle-memory',
  title: 'idle, resident memory of the largest process',
  unit: 'MB',
  aim: { most: 110 },
};

export const startGroup: RowGroup = {
  id: 'start',
  rows: [startRow, idleRow],
  measures: isRegistry,
  measure: (workshop, name) =>
    workshop.onEmptyRoot(name, async (server) => {
      // Long enough for what a server does after its first answer; short enough that no collector has cleaned up yet.
      await delay(2000);
      const resident = server.tree.resident();
      const all = resident.map((bytes) => (bytes / 1e6).toFixed(0)).join(' + ');
      const fine = { failures: 0, examples: [] };
      const idle: Sample = { value: (resident[0] ?? 0) / 1e6, ...fine };
      return new Map<Row, Sample>([
        [startRow, { value: server.secondsToAnswer * 1000, ...fine }],
        [idleRow, isHoldfast(name) ? { ...idle, note: `${all} MB` } : idle],
      ]);
    }),
};
