import { randomUUID } from 'node:crypto';

import type { BlobItem, BlobPrefix } from '@azure/storage-blob';

import type { ListRequest, ObjectPage, StoredObject } from '../bucket/object-store.js';
import type { AzureCalls } from './azure-calls.js';
import type { AzureNames } from './azure-names.js';
import type { AzureWrites } from './azure-writes.js';

const largestPage = 5000;

/** Keys in the order of their bytes. */
export class AzureLists {
  /** Whether lists may begin at a name; else what comes before it is listed and dropped. */
  #beginAnywhere = false;

  constructor(
    private readonly calls: AzureCalls,
    private readonly names: AzureNames,
  ) {}

  /** Whether there is a blob with a name that begins like this. */
  async holds(name: string): Promise<boolean> {
    const { items } = await this.#fetch({ prefix: name, size: 1 });
    return items.length > 0;
  }

  /** Finds out whether `startFrom` means a whole name, and is obeyed. */
  async probe(writes: AzureWrites): Promise<void> {
    const folder = `holdfast/v1/probe/${randomUUID()}/`;
    const keys = ['a', 'b', 'c'].map((name) => folder + name);
    const empty = { size: 0, open: () => Buffer.alloc(0) };
    try {
      await Promise.all(keys.map((key) => writes.put(key, empty, 'always')));
      const found = await this.#fetch({
        prefix: this.names.of(folder),
        size: 10,
        startFrom: this.names.of(`${folder}b`),
      }).catch(() => undefined);
      const names = found?.items.map(({ name }) => this.names.keyOf(name)) ?? [];
      this.#beginAnywhere = names.length === 2 && names[0] === keys[1] && names[1] === keys[2];
    } finally {
      await writes.removeAll(keys);
    }
  }

  async page(prefix: string, request: ListRequest): Promise<ObjectPage> {
    const { folded = false, limit = 1000 } = request;
    const { after, marker } =
      request.next === undefined
        ? { after: request.after, marker: undefined }
        : placeOf(request.next);
    const skipping = after !== undefined && (folded || !this.#beginAnywhere);
    const found = await this.#fetch({
      prefix: this.names.of(prefix),
      folded,
      marker,
      size: Math.min(largestPage, skipping ? largestPage : limit),
      startFrom: after === undefined || skipping ? undefined : this.names.of(after),
    });
    const entries = [
      ...found.prefixes.map((name) => ({ key: this.names.keyOf(name), item: undefined })),
      ...found.items.map((item) => ({ key: this.names.keyOf(item.name), item })),
    ]
      .filter(({ key }) => after === undefined || byBytes(key, after) > 0)
      .sort((one, other) => byBytes(one.key, other.key));
    const given = entries.slice(0, limit);
    const next =
      given.length < entries.length
        ? nextOf(given.at(-1)?.key, marker)
        : found.marker && nextOf(given.length === 0 || !skipping ? after : undefined, found.marker);
    return {
      objects: given.flatMap(({ key, item }) => (item === undefined ? [] : [objectOf(key, item)])),
      prefixes: given.flatMap(({ key, item }) => (item === undefined ? [key] : [])),
      next: next || undefined,
    };
  }

  async #fetch(request: {
    readonly prefix: string;
    readonly size: number;
    readonly folded?: boolean;
    readonly marker?: string | undefined;
    readonly startFrom?: string | undefined;
  }) {
    return this.calls.run('List Blobs', request.prefix, async ({ signal }) => {
      const { container } = this.calls.account;
      const { startFrom, marker } = request;
      const options = {
        prefix: request.prefix,
        abortSignal: signal,
        ...(startFrom !== undefined && { startFrom }),
      };
      const pages = { maxPageSize: request.size, ...(marker && { continuationToken: marker }) };
      if (request.folded) {
        const { value } = await container.listBlobsByHierarchy('/', options).byPage(pages).next();
        const { blobItems = [], blobPrefixes = [] } = value.segment as Segment;
        return {
          items: blobItems.filter(isBlob),
          prefixes: blobPrefixes.map(({ name }) => name),
          marker: value.continuationToken as string | undefined,
        };
      }
      const { value } = await container.listBlobsFlat(options).byPage(pages).next();
      const { blobItems = [] } = value.segment as Segment;
      return {
        items: blobItems.filter(isBlob),
        prefixes: [],
        marker: value.continuationToken as string | undefined,
      };
    });
  }
}

interface Segment {
  readonly blobItems?: BlobItem[];
  readonly blobPrefixes?: BlobPrefix[];
}

/** Accounts with a hierarchical namespace list their folders too. */
function isBlob({ properties }: BlobItem): boolean {
  return !('resourceType' in properties) || Reflect.get(properties, 'resourceType') !== 'directory';
}

function objectOf(key: string, { properties }: BlobItem): StoredObject {
  return {
    key,
    size: properties.contentLength ?? 0,
    modifiedAt: properties.lastModified.getTime(),
    version: quoted(properties.etag),
  };
}

/** Lists give ETags without the quotes that headers have. */
function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}

function nextOf(after: string | undefined, marker: string | undefined): string {
  return JSON.stringify({ after, marker });
}

function placeOf(next: string): { after: string | undefined; marker: string | undefined } {
  return JSON.parse(next) as ReturnType<typeof placeOf>;
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
