import type { Job } from '../generator.js';
import type { Workshop } from '../workshop.js';
import { isRegistry, type RowGroup } from './row-group.js';
import { KiB, MiB, type Row, type Sample } from './row.js';

interface Push {
  readonly row: Row;
  readonly job: (workshop: Workshop) => Job;
}

const image = (
  workshop: Workshop,
  flow: 'docker' | 'single' | 'again',
  connections: number,
): Job => ({
  kind: 'images',
  repository: 'bench/images',
  flow,
  connections,
  seconds: workshop.options.seconds,
  size: 4 * KiB,
  nonce: workshop.fresh(),
});

/** In a quick run a large blob is a sixteenth of its size. */
const large = (workshop: Workshop, mebibytes: number): number =>
  (mebibytes * MiB) / (workshop.options.quick ? 16 : 1);

const images: readonly Push[] = [
  {
    row: {
      id: 'image-docker-1',
      title: 'small image (4 blobs), docker flow, 1 connection',
      unit: '/s',
      cpuUnit: 'ms each',
      aim: { rate: 2, cpu: 0.4 },
      bucketAim: { rate: 1.5 },
    },
    job: (workshop) => image(workshop, 'docker', 1),
  },
  {
    row: {
      id: 'image-docker-16',
      title: 'the same, 16 connections',
      unit: '/s',
      cpuUnit: 'ms each',
      aim: { rate: 3, cpu: 0.4 },
      bucketAim: { rate: 1.5 },
    },
    job: (workshop) => image(workshop, 'docker', 16),
  },
  {
    row: {
      id: 'image-single-16',
      title: 'small image by POST and PUT, 16 connections',
      unit: '/s',
      cpuUnit: 'ms each',
      aim: { rate: 3, cpu: 0.4 },
      bucketAim: { rate: 1.5 },
    },
    job: (workshop) => image(workshop, 'single', 16),
  },
  {
    row: {
      id: 'image-again-16',
      title: 're-push of an image that is there, 16 connections',
      unit: '/s',
      cpuUnit: 'ms each',
      aim: { rate: 4, cpu: 0.3 },
    },
    job: (workshop) => image(workshop, 'again', 16),
  },
];

const uploads: readonly Push[] = [
  {
    row: {
      id: 'upload-one',
      title: '512 MiB blob in one PATCH',
      unit: 'MB/s',
      cpuUnit: 's/GB',
      aim: { rate: 1.3, cpu: 1.1 },
      bucketAim: { rate: 1 },
    },
    job: (workshop) => upload(workshop, 1, large(workshop, 512)),
  },
  {
    row: {
      id: 'upload-four',
      title: '4 blobs of 128 MiB at once',
      unit: 'MB/s',
      cpuUnit: 's/GB',
      aim: { rate: 1.2, cpu: 1.1 },
      bucketAim: { rate: 1 },
    },
    job: (workshop) => upload(workshop, 4, large(workshop, 128)),
  },
  {
    row: {
      id: 'upload-chunks',
      title: '512 MiB blob in PATCHes of 8 MiB',
      unit: 'MB/s',
      cpuUnit: 's/GB',
      aim: { rate: 1.6, cpu: 0.9 },
      bucketAim: { rate: 1 },
    },
    job: (workshop) => ({ ...upload(workshop, 1, large(workshop, 512)), chunk: 8 * MiB }),
  },
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

export const imageGroup: RowGroup = {
  id: 'images',
  rows: images.map(({ row }) => row),
  measures: isRegistry,
  measure: (workshop, name, wanted) =>
    workshop.onEmptyRoot(name, async (server) => {
      const samples = new Map<Row, Sample>();
      for (const { row, job } of images.filter((push) => wanted(push.row))) {
        await workshop.warm(server, job(workshop));
        samples.set(row, await workshop.measure(server, row, job(workshop)));
      }
      return samples;
    }),
};

export const uploadGroup: RowGroup = {
  id: 'uploads',
  rows: uploads.map(({ row }) => row),
  measures: isRegistry,
  async measure(workshop, name, wanted) {
    const samples = new Map<Row, Sample>();
    for (const { row, job } of uploads.filter((push) => wanted(push.row))) {
      const sample = await workshop.onEmptyRoot(name, async (server) => {
        await workshop.generator.run({ ...job(workshop), size: 8 * MiB, address: server.address });
        return workshop.measure(server, row, job(workshop));
      });
      samples.set(row, sample);
    }
    return samples;
  },
};
