import { mkdirSync, statSync, writeFileSync } from 'node:fs';

import bcrypt from 'bcrypt';

import type { Expectation } from '../generator.js';
import type { RunningServer, ServerName } from '../servers/server.js';
import type { Workshop } from '../workshop.js';
import { isRegistry, type RowGroup } from './row-group.js';
import { KiB, MiB, type Row, type Sample } from './row.js';

interface Seeded {
  readonly blobs: readonly string[];
  readonly tag: string;
  readonly manifest: string;
  readonly digest: string;
}

interface Read {
  readonly row: Row;
  readonly connections: number;
  readonly request: (seeded: Seeded) => Expectation;
  /** The file that nginx answers with instead. */
  readonly file: 'manifest' | 'small' | 'medium' | 'large';
}

const repository = 'bench/read';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const accept = [`Accept: ${manifestType}`];
const sizes = { manifest: 850, small: 4 * KiB, medium: MiB, large: 256 * MiB };
const blobs = [
  { path: 'small', length: sizes.small, nonce: 1 },
  { path: 'medium', length: sizes.medium, nonce: 2 },
  { path: 'large', length: sizes.large, nonce: 3 },
];

const manifest = (seeded: Seeded, reference: string): Expectation => ({
  method: 'GET',
  path: `/v2/${repository}/manifests/${reference}`,
  headers: accept,
  status: 200,
  length: Buffer.byteLength(seeded.manifest),
  digest: seeded.digest,
  text: seeded.manifest,
});

const blob = (seeded: Seeded, index: 0 | 1 | 2): Expectation => ({
  method: 'GET',
  path: `/v2/${repository}/blobs/${seeded.blobs[index] ?? ''}`,
  status: 200,
  length: blobs[index]?.length ?? 0,
  nonce: index + 1,
  content: true,
});

const reads: readonly Read[] = [
  {
    row: {
      id: 'manifest-tag',
      title: 'manifest GET by tag, 16 connections',
      unit: '/s',
      cpuUnit: 'ms/1000',
      aim: { rate: 4, cpu: 0.25 },
    },
    connections: 16,
    request: (seeded) => manifest(seeded, seeded.tag),
    file: 'manifest',
  },
  {
    row: {
      id: 'manifest-304',
      title: 'the same with If-None-Match, answered 304',
      unit: '/s',
      cpuUnit: 'ms/1000',
      aim: { rate: 2.5, cpu: 0.35 },
    },
    connections: 16,
    request: (seeded) => ({
      ...manifest(seeded, seeded.tag),
      headers: [...accept, `If-None-Match: "${seeded.digest}"`],
      status: 304,
      digest: '',
      text: '',
    }),
    file: 'manifest',
  },
  {
    row: {
      id: 'manifest-digest',
      title: 'manifest GET by digest, 16 connections',
      unit: '/s',
      cpuUnit: 'ms/1000',
      aim: { rate: 4, cpu: 0.25 },
    },
    connections: 16,
    request: (seeded) => manifest(seeded, seeded.digest),
    file: 'manifest',
  },
  {
    row: {
      id: 'manifest-head',
      title: 'manifest HEAD by tag, 16 connections',
      unit: '/s',
      cpuUnit: 'ms/1000',
      aim: { rate: 3.5, cpu: 0.2 },
    },
    connections: 16,
    request: (seeded) => ({ ...manifest(seeded, seeded.tag), method: 'HEAD', text: '' }),
    file: 'manifest',
  },
  {
    row: {
      id: 'blob-4k',
      title: 'blob of 4 KiB, 8 connections',
      unit: '/s',
      cpuUnit: 'ms/1000',
      aim: { rate: 8, cpu: 0.08 },
    },
    connections: 8,
    request: (seeded) => blob(seeded, 0),
    file: 'small',
  },
  {
    row: {
      id: 'blob-1m',
      title: 'blob of 1 MiB, 8 connections',
      unit: 'MB/s',
      cpuUnit: 's/GB',
      aim: { rate: 3, cpu: 0.28 },
    },
    connections: 8,
    request: (seeded) => blob(seeded, 1),
    file: 'medium',
  },
  {
    row: {
      id: 'blob-256m',
      title: 'blob of 256 MiB, 8 connections',
      unit: 'MB/s',
      cpuUnit: 's/GB',
      aim: { rate: 1, cpu: 1.1 },
    },
    connections: 8,
    request: (seeded) => blob(seeded, 2),
    file: 'large',
  },
];

const seeds = new Map<string, Seeded>();

async function seeded(workshop: Workshop, server: RunningServer): Promise<Seeded> {
  const known = seeds.get(server.name);
  if (known !== undefined) return known;
  const load = await workshop.generator.run({
    kind: 'seed',
    address: server.address,
    repository,
    requests: blobs,
    size: 4 * KiB,
    nonce: 7,
  });
  const seed = load.detail as Seeded;
  seeds.set(server.name, seed);
  return seed;
}

async function seedFiles(workshop: Workshop, root: string): Promise<void> {
  if (seeds.has('nginx')) return;
  const requests = [...blobs, { path: 'manifest', length: sizes.manifest, nonce: 4 }];
  await workshop.generator.run({ kind: 'seed', directory: root, requests });
  seeds.set('nginx', { blobs: [], tag: '', manifest: '', digest: '' });
}

function fromNginx(read: Read, request: Expectation, root: string): Expectation {
  const { mtimeMs, size } = statSync(`${root}/${read.file}`);
  const etag = `"${Math.floor(mtimeMs / 1000).toString(16)}-${size.toString(16)}"`;
  return {
    method: request.method,
    path: `/${read.file}`,
    status: request.status,
    headers: request.status === 304 ? [`If-None-Match: ${etag}`] : [],
    length: sizes[read.file],
    content: request.status === 200 && request.method === 'GET',
    nonce: read.file === 'manifest' ? 4 : (request.nonce ?? 0),
  };
}

export const readGroup: RowGroup = {
  id: 'reads',
  rows: reads.map((read) => read.row),
  measures: () => true,
  async measure(workshop, name, wanted) {
    const root = `${workshop.directory}/read-${name}`;
    const samples = new Map<Row, Sample>();
    if (name === 'nginx') {
      mkdirSync(root, { recursive: true });
      await seedFiles(workshop, root);
    }
    await workshop.on(name, root, async (server) => {
      const seed = name === 'nginx' ? undefined : await seeded(workshop, server);
      for (const read of reads.filter(({ row }) => wanted(row))) {
        const request = read.request(seed ?? { blobs: [], tag: '', manifest: '', digest: '' });
        const requests = [seed === undefined ? fromNginx(read, request, root) : request];
        const job = {
          kind: 'fetch',
          connections: read.connections,
          seconds: workshop.options.seconds,
          requests,
        } as const;
        await workshop.warm(server, job);
        samples.set(read.row, await workshop.measure(server, read.row, job));
      }
    });
    return samples;
  },
};

const passwordRow: Row = {
  id: 'manifest-password',
  title: 'manifest GET with a bcrypt-10 password each time, 16 connections',
  unit: '/s',
  cpuUnit: 'ms/1000',
  aim: { rate: 300 },
};

export const passwordGroup: RowGroup = {
  id: 'password',
  rows: [passwordRow],
  measures: isRegistry,
  async measure(workshop, name: ServerName) {
    const root = `${workshop.directory}/read-${name}`;
    const htpasswd = `${workshop.directory}/htpasswd`;
    writeFileSync(htpasswd, `bench:${await bcrypt.hash('bench', 10)}\n`);
    const seed = await workshop.on(name, root, (server) => seeded(workshop, server));
    const request = manifest(seed, seed.tag);
    const credentials = `Authorization: Basic ${Buffer.from('bench:bench').toString('base64')}`;
    const job = {
      kind: 'fetch',
      connections: 16,
      seconds: workshop.options.seconds,
      requests: [{ ...request, headers: [...accept, credentials] }],
    } as const;
    return workshop.on(
      name,
      root,
      async (server) => {
        await workshop.warm(server, job);
        return new Map([[passwordRow, await workshop.measure(server, passwordRow, job)]]);
      },
      { htpasswd },
    );
  },
};
