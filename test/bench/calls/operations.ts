import { randomBytes } from 'node:crypto';

import { ociManifest } from '../../support/registry-api.js';
import { MiB } from '../rows/row.js';
import { Client, smallImage } from './client.js';
import type { Stage, Tally } from './stage.js';

export interface Operation {
  readonly id: string;
  readonly title: string;
  /** Most calls to the bucket that it should take. */
  readonly aim?: number;
  /** Bytes that clients push with it, where how many of them go over the wire again is of interest. */
  readonly pushes?: number;
  readonly count: (stage: Stage) => Promise<Tally>;
}

const client = (stage: Stage): Client => new Client(stage.api, 'bench/calls');

/** The process is not new: it has pushed and pulled before. */
async function warmedUp(stage: Stage): Promise<Client> {
  const pushed = smallImage();
  const warm = client(stage);
  await warm.pushImage(pushed, 'single');
  await warm.pullImage(pushed);
  return client(stage);
}

async function push(stage: Stage, flow: 'docker' | 'single'): Promise<Tally> {
  const from = await warmedUp(stage);
  const image = smallImage();
  return stage.count(() => from.pushImage(image, flow));
}

async function upload(stage: Stage, flow: 'docker' | 'single', chunk?: number): Promise<Tally> {
  const from = await warmedUp(stage);
  const content = randomBytes(large);
  return stage.count(() => from.pushBlob(content, flow, chunk));
}

const large = 64 * MiB;

const pushes: readonly Operation[] = [
  {
    id: 'push-docker',
    title: 'push a small image (4 blobs), docker flow',
    aim: 36,
    count: (stage) => push(stage, 'docker'),
  },
  {
    id: 'push-single',
    title: 'push a small image, POST and PUT',
    aim: 26,
    count: (stage) => push(stage, 'single'),
  },
  {
    id: 'push-again',
    title: 'push it again',
    aim: 14,
    async count(stage) {
      const from = await warmedUp(stage);
      const image = smallImage();
      await from.pushImage(image, 'docker');
      return stage.count(() => from.pushImage(image, 'docker'));
    },
  },
  {
    id: 'mount',
    title: 'mount a blob from another repository',
    async count(stage) {
      const image = smallImage();
      await (await warmedUp(stage)).pushImage(image, 'docker');
      const other = new Client(stage.api, 'bench/mounts');
      const [blob] = image.blobs;
      const query = `blobs/uploads/?mount=${blob?.digest}&from=bench/calls`;
      return stage.count(async () => void (await other.want([201], 'POST', query)));
    },
  },
];

const pulls: readonly Operation[] = [
  {
    id: 'pull-warm',
    title: 'pull it by tag, warm',
    aim: 9,
    async count(stage) {
      const image = smallImage();
      await client(stage).pushImage(image, 'docker');
      await client(stage).pullImage(image);
      return stage.count(() => client(stage).pullImage(image));
    },
  },
  {
    id: 'pull-cold',
    title: 'pull it by tag, cold',
    aim: 10,
    count: (stage) => pullFromAnother(stage, { forgetting: true }),
  },
  {
    id: 'pull-elsewhere',
    title: 'pull it by tag from a replica that has never seen it',
    aim: 10,
    count: (stage) => pullFromAnother(stage, { forgetting: false }),
  },
  {
    id: 'manifest-get',
    title: 'manifest GET by tag, warm',
    aim: 1,
    async count(stage) {
      const image = smallImage();
      await client(stage).pushImage(image, 'docker');
      await client(stage).getManifest(image, image.tag);
      return stage.count(() => client(stage).getManifest(image, image.tag));
    },
  },
  {
    id: 'manifest-head',
    title: 'manifest HEAD by tag, warm',
    aim: 1,
    count: (stage) => headManifest(stage, { cold: false }),
  },
  {
    id: 'manifest-head-cold',
    title: 'manifest HEAD by tag, cold',
    aim: 2,
    count: (stage) => headManifest(stage, { cold: true }),
  },
  {
    id: 'manifest-digest',
    title: 'manifest GET by digest, warm',
    async count(stage) {
      const image = smallImage();
      await client(stage).pushImage(image, 'docker');
      await client(stage).getManifest(image, image.digest);
      return stage.count(() => client(stage).getManifest(image, image.digest));
    },
  },
  {
    id: 'blob-head',
    title: 'blob HEAD, warm',
    aim: 1,
    async count(stage) {
      const image = smallImage();
      await client(stage).pushImage(image, 'docker');
      const { digest = '' } = image.blobs[1] ?? {};
      await client(stage).hasBlob(digest);
      return stage.count(async () => {
        if (!(await client(stage).hasBlob(digest))) throw new Error(`${digest} is not there`);
      });
    },
  },
  {
    id: 'blob-head-absent',
    title: 'blob HEAD, absent',
    aim: 1,
    async count(stage) {
      const from = await warmedUp(stage);
      const path = `blobs/sha256:${randomBytes(32).toString('hex')}`;
      return stage.count(async () => void (await from.want([404], 'HEAD', path)));
    },
  },
];

const uploads: readonly Operation[] = [
  {
    id: 'upload-one',
    title: '64 MiB in one PATCH',
    aim: 18,
    pushes: large,
    count: (stage) => upload(stage, 'docker'),
  },
  {
    id: 'upload-single',
    title: '64 MiB by POST and PUT',
    aim: 12,
    pushes: large,
    count: (stage) => upload(stage, 'single'),
  },
  {
    id: 'upload-chunks',
    title: '64 MiB in 8 PATCHes',
    aim: 30,
    pushes: large,
    count: (stage) => upload(stage, 'docker', large / 8),
  },
];

const others: readonly Operation[] = [
  {
    id: 'tags-100',
    title: 'tag list of 100',
    aim: 1,
    async count(stage) {
      const from = new Client(stage.api, 'bench/tags');
      const image = smallImage();
      await from.pushImage(image, 'single');
      for (let number = 101; number < 200; number++) await from.pushManifest(image, `v${number}`);
      return stage.count(async () => {
        const { body } = await from.want([200], 'GET', 'tags/list');
        const { tags } = JSON.parse(body.toString()) as { tags: string[] };
        if (tags.length !== 100) throw new Error(`the list has ${tags.length} tags`);
      });
    },
  },
  {
    id: 'delete-manifest',
    title: 'delete of a manifest that has one of three tags',
    aim: 8,
    async count(stage) {
      const from = new Client(stage.api, 'bench/deletes');
      const images = [smallImage(), smallImage(), smallImage()];
      for (const image of images) await from.pushImage(image, 'single');
      const path = `manifests/${images[1]?.digest}`;
      return stage.count(async () => void (await from.want([202], 'DELETE', path)));
    },
  },
  {
    id: 'delete-tag',
    title: 'delete of a tag',
    async count(stage) {
      const from = await warmedUp(stage);
      const image = smallImage();
      await from.pushImage(image, 'single');
      const path = `manifests/${image.tag}`;
      return stage.count(async () => void (await from.want([202], 'DELETE', path)));
    },
  },
  {
    id: 'delete-blob',
    title: 'delete of a blob',
    async count(stage) {
      const from = await warmedUp(stage);
      const image = smallImage();
      await from.pushImage(image, 'single');
      const path = `blobs/${image.blobs[0]?.digest}`;
      return stage.count(async () => void (await from.want([202], 'DELETE', path)));
    },
  },
];

export const operations: readonly Operation[] = [...pushes, ...pulls, ...uploads, ...others];

async function headManifest(stage: Stage, { cold }: { cold: boolean }): Promise<Tally> {
  const image = smallImage();
  const head = { headers: { accept: ociManifest } };
  await client(stage).pushImage(image, 'docker');
  if (cold) await stage.restart({ forgetting: true });
  else await client(stage).want([200], 'HEAD', `manifests/${image.tag}`, head);
  return stage.count(async () => {
    await client(stage).want([200], 'HEAD', `manifests/${image.tag}`, head);
  });
}

async function pullFromAnother(stage: Stage, options: { forgetting: boolean }): Promise<Tally> {
  const image = smallImage();
  await client(stage).pushImage(image, 'docker');
  await stage.restart(options);
  return stage.count(() => client(stage).pullImage(image));
}
