import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

export interface Inspection {
  /** Blobs whose bytes have the digest that is their name. */
  readonly blobs: number;
  /** Blobs whose bytes have another digest. */
  readonly corrupt: readonly string[];
  /** Links to blobs that are not there. */
  readonly dangling: readonly string[];
  /** Tags that point at no revision of their repository. */
  readonly empty: readonly string[];
}

/** Reads all of a registry's folder as Distribution lays it out, without asking the registry. */
export async function inspect(root: string): Promise<Inspection> {
  const corrupt: string[] = [];
  const dangling: string[] = [];
  const empty: string[] = [];
  const blobs = new Set<string>();
  for (const path of await filesIn(join(root, 'docker/registry/v2/blobs'))) {
    const [algorithm = '', , hex = '', name] = path.split(sep);
    if (name !== 'data') continue;
    const digest = `${algorithm}:${hex}`;
    blobs.add(digest);
    const file = join(root, 'docker/registry/v2/blobs', path);
    if ((await hashOf(file, algorithm)) !== hex) corrupt.push(digest);
  }
  const repositories = join(root, 'docker/registry/v2/repositories');
  const paths = await filesIn(repositories);
  const links = paths.filter((path) => path.endsWith('/link'));
  for (const path of links) {
    const digest = await readFile(join(repositories, path), 'utf8');
    if (!blobs.has(digest)) dangling.push(`${path} -> ${digest}`);
    const [repository, below] = path.split('/_manifests/tags/');
    const revision = `${repository}/_manifests/revisions/${digest.replace(':', '/')}/link`;
    if (below?.endsWith('/current/link') && !links.includes(revision)) empty.push(path);
  }
  return { blobs: blobs.size - corrupt.length, corrupt, dangling, empty };
}

/** What is left of requests, below the registry's own folder. */
export async function leftovers(root: string): Promise<readonly string[]> {
  const own = join(root, 'holdfast/v1');
  const found = ['uploads', 'temporary', 'removing'].map((name) => filesIn(join(own, name)));
  return (await Promise.all(found)).flat();
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

async function hashOf(file: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
