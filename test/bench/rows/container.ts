import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import type { ServerName } from '../servers/server.js';
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

async function contained(
  workshop: Workshop,
  name: ServerName,
  controlGroups: ControlGroups,
): Promise<Map<Row, Sample>> {
  const samples = new Map<Row, Sample>();
  const size = workshop.options.quick ? 16 * MiB : 512 * MiB;
  await workshop.onEmptyRoot(
    name,
    async (server) => {
      samples.set(startRow, { value: server.secondsToAnswer * 1000, failures: 0, examples: [] });
      const images = {
        kind: 'images',
        repository: 'bench/images',
        flow: 'docker',
        connections: 4,
        size: 4 * KiB,
      } as const;
      const upload = { kind: 'upload', repository: 'bench/uploads' } as const;
      await workshop.warm(server, { ...images, nonce: workshop.fresh() });
      samples.set(
        imagesRow,
        await workshop.measure(server, imagesRow, {
          ...images,
          seconds: workshop.options.seconds,
          nonce: workshop.fresh(),
        }),
      );
      samples.set(
        uploadRow,
        await workshop.measure(server, uploadRow, {
          ...upload,
          connections: 1,
          count: 1,
          size,
          nonce: workshop.fresh(),
        }),
      );
      samples.set(
        crowdRow,
        await workshop.measure(server, crowdRow, {
          ...upload,
          connections: 32,
          count: 32,
          size: 16 * MiB,
          nonce: workshop.fresh(),
        }),
      );
    },
    { controlGroups: controlGroups.folders },
  );
  const killed = controlGroups.killed();
  if (killed === 0) return samples;
  const crowd = samples.get(crowdRow);
  if (crowd !== undefined)
    samples.set(crowdRow, {
      ...crowd,
      failures: crowd.failures + killed,
      examples: ['a process ran out of memory'],
    });
  return samples;
}

export const containerGroup: RowGroup = {
  id: 'container',
  rows: [startRow, imagesRow, uploadRow, crowdRow],
  once: true,
  measures: (name) => isRegistry(name) && canContain(),
  async measure(workshop, name) {
    const controlGroups = new ControlGroups(name);
    try {
      return await contained(workshop, name, controlGroups);
    } finally {
      await controlGroups.remove();
    }
  },
};
