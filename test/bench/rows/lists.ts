import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';

import type { Job } from '../generator.js';
import type { RunningServer } from '../servers/server.js';
import type { Workshop } from '../workshop.js';
import { isRegistry, type RowGroup } from './row-group.js';
import type { Row, Sample } from './row.js';

const tagsRow: Row = {
  id: 'tags-10000',
  title: 'page of 100 tags of 10,000',
  unit: 'ms',
  cpuUnit: 'ms each',
  aim: { rate: 1 },
};
const tagRow: Row = {
  id: 'manifest-tag-10000',
  title: 'manifest GET by tag among 10,000, 16 connections',
  unit: '/s',
  cpuUnit: 'ms/1000',
  aim: { rate: 4, cpu: 0.25 },
};
const catalogRow: Row = {
  id: 'catalog-1000',
  title: '_catalog of 1,000 repositories',
  unit: 'ms',
  cpuUnit: 'ms each',
  aim: { rate: 1 },
};

const manifestType = 'application/vnd.oci.image.manifest.v1+json';

/** Content in the layout that all registries here share, written without any of them. */
class Layout {
  readonly config = '{}';
  readonly manifest: string;

  constructor(private readonly root: string) {
    const config = {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf(this.config),
      size: 2,
    };
    this.manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config,
      layers: [],
    });
  }

  writeBlobs(): void {
    for (const body of [this.config, this.manifest]) {
      const hex = digestOf(body).slice(7);
      this.write(`blobs/sha256/${hex.slice(0, 2)}/${hex}/data`, body);
    }
  }

  writeRepository(name: string, tags: number): void {
    const digest = digestOf(this.manifest);
    const [base, hex] = [`repositories/${name}`, digest.slice(7)];
    this.write(
      `${base}/_layers/sha256/${digestOf(this.config).slice(7)}/link`,
      digestOf(this.config),
    );
    this.write(`${base}/_manifests/revisions/sha256/${hex}/link`, digest);
    for (let tag = 0; tag < tags; tag++) {
      const folder = `${base}/_manifests/tags/v${String(tag).padStart(5, '0')}`;
      this.write(`${folder}/current/link`, digest);
      this.write(`${folder}/index/sha256/${hex}/link`, digest);
    }
  }

  private write(path: string, body: string): void {
    const whole = `${this.root}/docker/registry/v2/${path}`;
    mkdirSync(whole.slice(0, whole.lastIndexOf('/')), { recursive: true });
    writeFileSync(whole, body);
  }
}

const digestOf = (body: string): string =>
  `sha256:${createHash('sha256').update(body).digest('hex')}`;

function seed(root: string, repositories: number, tags: number): Layout {
  const layout = new Layout(root);
  if (existsSync(root)) return layout;
  layout.writeBlobs();
  for (let i = 0; i < repositories; i++)
    layout.writeRepository(repositories === 1 ? 'many/tags' : `team-${i % 20}/name-${i}`, tags);
  return layout;
}

/** Asks once, looks at the answer closely, then expects exactly this answer. (2.8 knows no pages of tags.) */
async function listJob(
  workshop: Workshop,
  server: RunningServer,
  path: string,
  field: string,
  counts: readonly number[],
): Promise<Job> {
  const response = await fetch(`http://${server.address}${path}`);
  const text = await response.text();
  const list = (JSON.parse(text) as Record<string, unknown>)[field];
  if (!Array.isArray(list) || !counts.includes(new Set(list).size))
    throw new Error(`${path} does not list ${counts.join(' or ')}: ${text.slice(0, 200)}`);
  return {
    kind: 'fetch',
    connections: 1,
    seconds: workshop.options.seconds / 2,
    requests: [{ method: 'GET', path, status: 200, length: -1, text }],
  };
}

export const listGroup: RowGroup = {
  id: 'lists',
  filesOnly: true,
  rows: [tagsRow, tagRow, catalogRow],
  measures: isRegistry,
  async measure(workshop, name, wanted) {
    const samples = new Map<Row, Sample>();
    const measure = async (server: RunningServer, row: Row, job: Job): Promise<void> => {
      await workshop.warm(server, job);
      samples.set(row, await workshop.measure(server, row, job));
    };
    const manyTags = `${workshop.directory}/list-tags`;
    const layout = seed(manyTags, 1, 10_000);
    await workshop.on(name, manyTags, async (server) => {
      if (wanted(tagsRow))
        await measure(
          server,
          tagsRow,
          await listJob(workshop, server, '/v2/many/tags/tags/list?n=100', 'tags', [100, 10_000]),
        );
      if (!wanted(tagRow)) return;
      const path = '/v2/many/tags/manifests/v05000';
      const expected = {
        status: 200,
        length: layout.manifest.length,
        digest: digestOf(layout.manifest),
        text: layout.manifest,
      };
      const requests = [
        { method: 'GET', path, headers: [`Accept: ${manifestType}`], ...expected },
      ] as const;
      await measure(server, tagRow, {
        kind: 'fetch',
        connections: 16,
        seconds: workshop.options.seconds,
        requests,
      });
    });
    if (!wanted(catalogRow)) return samples;
    const manyRepositories = `${workshop.directory}/list-catalog`;
    seed(manyRepositories, 1000, 1);
    await workshop.on(name, manyRepositories, async (server) => {
      await measure(
        server,
        catalogRow,
        await listJob(workshop, server, '/v2/_catalog?n=1000', 'repositories', [1000]),
      );
    });
    return samples;
  },
};
