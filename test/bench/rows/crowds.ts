import { isRegistry, type RowGroup } from './row-group.js';
import { KiB, MiB, type Row, type Sample } from './row.js';

const dribbleRow: Row = {
  id: 'dribble-500',
  title: '500 dribbling uploads, peak of the largest process',
  unit: 'MB',
  aim: { most: 160 },
  bucketAim: { most: 256 },
};
const manyRow: Row = {
  id: 'upload-64',
  title: '64 uploads of 256 MiB at once',
  unit: 'MB/s',
  cpuUnit: 's/GB',
  aim: {},
};
const manyPeakRow: Row = {
  id: 'upload-64-memory',
  title: 'the same, peak of the largest process',
  unit: 'MB',
  aim: { most: 256 },
  bucketAim: { most: 256 },
};

export const crowdGroup: RowGroup = {
  id: 'crowds',
  rows: [dribbleRow, manyRow, manyPeakRow],
  once: true,
  measures: isRegistry,
  async measure(workshop, name, wanted) {
    const samples = new Map<Row, Sample>();
    if (wanted(dribbleRow)) {
      samples.set(
        dribbleRow,
        await workshop.onEmptyRoot(name, (server) =>
          workshop.measure(server, dribbleRow, {
            kind: 'dribble',
            repository: 'bench/dribble',
            connections: 500,
            seconds: workshop.options.quick ? 2 : 15,
            interval: 0.25,
            piece: 16 * KiB,
            nonce: workshop.fresh(),
          }),
        ),
      );
    }
    if (wanted(manyRow) || wanted(manyPeakRow)) {
      const sample = await workshop.onEmptyRoot(name, (server) =>
        workshop.measure(server, manyRow, {
          kind: 'upload',
          repository: 'bench/uploads',
          connections: 64,
          count: 64,
          size: (256 * MiB) / (workshop.options.quick ? 32 : 1),
          nonce: workshop.fresh(),
        }),
      );
      samples.set(manyRow, sample);
      samples.set(manyPeakRow, { value: (sample.peak ?? 0) / 1e6, failures: 0, examples: [] });
    }
    return samples;
  },
};
