import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import type { Job } from '../generator.js';
import type { Workshop } from '../workshop.js';
import { isRegistry, type RowGroup } from './row-group.js';
import { KiB, MiB, type Row, type Sample } from './row.js';

const title = 'in a container of 256 MB and half a core: ';
const startRow: Row = {
  id: 'container-start',
  title: `${title}start to first answer`,
  unit: 'ms',
  aim: {},
};
const imagesRow: Row = {
  id: 'container-images',
  title: `${title}small images, docker flow, 4 connections`,
  unit: '/s',
  cpuUnit: 'ms each',
  aim: {},
};
const uploadRow: Row = {
  id: 'container-upload',
  title: `${title}512 MiB blob in one PATCH`,
  unit: 'MB/s',
  cpuUnit: 's/GB',
  aim: {},
};
const crowdRow: Row = {
  id: 'container-crowd',
  title: `${title}32 uploads of 16 MiB at once`,
  unit: 'MB/s',
  cpuUnit: 's/GB',
  aim: {},
};

const bounds = {
  memory: { 'memory.limit_in_bytes': String(256 * MiB) },
  cpu: { 'cpu.cfs_quota_us': '50000' },
};

/** Version 1 control groups, made for one run and removed with it. */
class ControlGroups {
  readonly folders: string[] = [];

  constructor(name: string) {
    for (const [controller, files] of Object.entries(bounds)) {
      const folder = `/sys/fs/cgroup/${controller}/holdfast-bench-${process.pid}-${name}`;
      mkdirSync(folder);
      this.folders.push(folder);
      for (const [file, value] of Object.entries(files)) writeFileSync(`${folder}/${file}`, value);
    }
  }

  killed(): number {
    const control = readFileSync(`${this.folders[0] ?? ''}/memory.oom_control`, 'latin1');
    return Number(/^oom_kill (\d+)/m.exec(control)?.[1] ?? 0);
  }

  async remove(): Promise<void> {
    for (const folder of this.folders) {
      for (let attempt = 0; attempt < 50; attempt++) {
        try {
          rmdirSync(folder);
          break;
        } catch {
          await delay(100);
        }
      }
    }
  }
}

function canContain(): boolean {
  try {
    const folder = `/sys/fs/cgroup/memory/holdfast-bench-${process.pid}-probe`;
    mkdirSync(folder);
    readFileSync(`${folder}/memory.limit_in_bytes`);
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

const loads: readonly (readonly [Row, (workshop: Workshop) => Job])[] = [
  [
    imagesRow,
    (workshop) => ({
      kind: 'images',
      repository: 'bench/images',
      flow: 'docker',
      connections: 4,
      size: 4 * KiB,
      seconds: workshop.options.seconds,
      nonce: workshop.fresh(),
    }),
  ],
  [uploadRow, (workshop) => upload(workshop, 1, workshop.options.quick ? 16 * MiB : 512 * MiB)],
  [crowdRow, (workshop) => upload(workshop, 32, 16 * MiB)],
];

function upload(workshop: Workshop, connections: number, size: number): Job {
  return {
    kind: 'upload',
    repository: 'bench/uploads',
    connections,
    count: connections,
    size,
    nonce: workshop.fresh(),
  };
}

/** What ran out of memory shows in the row that it happened in, as a wrong answer. */
async function measureWithin(
  controlGroups: ControlGroups,
  measure: () => Promise<Sample>,
): Promise<Sample> {
  const before = controlGroups.killed();
  const sample = await measure();
  const killed = controlGroups.killed() - before;
  if (killed === 0) return sample;
  const failures = sample.failures + killed;
  return { ...sample, failures, examples: ['a process ran out of memory'] };
}

export const containerGroup: RowGroup = {
  id: 'container',
  filesOnly: true,
  rows: [startRow, imagesRow, uploadRow, crowdRow],
  once: true,
  measures: (name) => isRegistry(name) && canContain(),
  async measure(workshop, name, wanted) {
    const samples = new Map<Row, Sample>();
    const controlGroups = new ControlGroups(name);
    const setting = { controlGroups: controlGroups.folders };
    try {
      await workshop.onEmptyRoot(
        name,
        async (server) => {
          if (wanted(startRow)) {
            const value = server.secondsToAnswer * 1000;
            samples.set(startRow, { value, failures: 0, examples: [] });
          }
          for (const [row, job] of loads) {
            if (!wanted(row)) continue;
            const measure = () => workshop.measure(server, row, job(workshop));
            samples.set(row, await measureWithin(controlGroups, measure));
          }
        },
        setting,
      );
      return samples;
    } finally {
      await controlGroups.remove();
    }
  },
};
