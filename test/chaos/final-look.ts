import type { Cluster } from '../cluster/support/cluster.js';
import { sha256 } from './bytes.js';
import type { Client, World } from './client.js';
import { descriptorsOf } from './images.js';
import { attempt } from './requests.js';

export interface Scrub {
  readonly objects: number;
  readonly bytes: number;
}

/** When all is whole again: every replica is asked for everything that anybody ever wrote. */
export async function lookAtAll(
  world: World,
  cluster: Cluster,
  client: Client,
): Promise<{ readonly answers: number }> {
  let answers = 0;
  for (const { url } of cluster.replicas) {
    for (const repository of world.repositories) {
      for (const tag of world.tags) {
        const manifest = await client.readTag(url, repository, tag);
        answers++;
        if (manifest !== undefined) await requireClosed(world, url, repository, tag, manifest);
      }
    }
    const keys = new Set(world.history.events.map(({ what, key }) => `${what} ${key}`));
    for (const one of keys) {
      const [what, repository = '', digest = ''] = one.split(/[ @]/);
      answers++;
      if (what === 'blob') await client.readBlob(url, repository, digest);
      else if (what === 'manifest') await client.readManifest(url, repository, digest);
    }
  }
  return { answers };
}

/** All that a tag's manifest names is in its repository. */
async function requireClosed(
  { history }: World,
  url: string,
  repository: string,
  tag: string,
  manifest: Buffer,
): Promise<void> {
  for (const { digest } of descriptorsOf(manifest)) {
    const answer = await attempt(url, 'HEAD', `/v2/${repository}/blobs/${digest}`);
    if (answer?.status === 200) continue;
    history.anomaly({
      kind: 'dangling',
      key: `${repository}:${tag}`,
      detail: `${digest} of ${sha256(manifest)} answers ${answer?.status}`,
    });
  }
}

/** Straight on the bucket: every blob has the digest that its name says. */
export async function scrub({ history }: World, { minio }: Cluster): Promise<Scrub> {
  let objects = 0;
  let bytes = 0;
  const prefix = 'docker/registry/v2/blobs/';
  for (let after = ''; ;) {
    const query = { 'list-type': '2', prefix, ...(after !== '' && { 'start-after': after }) };
    const page = await (await minio.request({ method: 'GET', path: 'registry', query })).text();
    const keys = [...page.matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key]) => key ?? '');
    for (const key of keys) {
      const [, hex = ''] = /\/([0-9a-f]{64})\/data$/.exec(key) ?? [];
      const response = await minio.request({ method: 'GET', path: `registry/${key}` });
      const content = Buffer.from(await response.arrayBuffer());
      objects++;
      bytes += content.length;
      if (sha256(content) === `sha256:${hex}`) continue;
      history.anomaly({ kind: 'corrupt', key, detail: `is ${sha256(content)}` });
    }
    after = keys.at(-1) ?? '';
    if (!page.includes('<IsTruncated>true')) return { objects, bytes };
  }
}
