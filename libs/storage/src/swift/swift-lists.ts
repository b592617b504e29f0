import { z } from 'zod';

import {
  type ListRequest,
  ObjectNotFound,
  type ObjectPage,
  type StoredObject,
} from '../bucket/object-store.js';
import { kindOf, versionOf } from './object-version.js';
import type { SwiftClient } from './swift-client.js';
import { DamagedOnTheWay } from './swift-http.js';
import type { SwiftNames } from './swift-names.js';
import type { SwiftObjects } from './swift-objects.js';

const page = z.array(
  z.union([
    z.object({ subdir: z.string() }),
    z.object({
      name: z.string(),
      bytes: z.number(),
      hash: z.string(),
      last_modified: z.string(),
      slo_etag: z.string().optional(),
    }),
  ]),
);

/** An object by its name in the container. */
export type NamedObject = Omit<StoredObject, 'key'> & { readonly name: string };

interface NamesRequest {
  readonly prefix: string;
  readonly folded?: boolean | undefined;
  readonly marker?: string | undefined;
  readonly limit: number;
}

/** What is in the container, in the order of the names' bytes. */
export class SwiftLists {
  constructor(
    private readonly client: SwiftClient,
    private readonly names: SwiftNames,
    private readonly objects: SwiftObjects,
    private readonly largest: () => number,
  ) {}

  async list(prefix: string, request: ListRequest = {}): Promise<ObjectPage> {
    const limit = Math.min(request.limit ?? 1000, this.largest());
    const after = request.next ?? request.after;
    const found = await this.page({
      prefix: this.names.ofKey(prefix),
      folded: request.folded,
      marker: after === undefined ? undefined : this.names.ofKey(after),
      limit,
    });
    const objects: (StoredObject | undefined)[] = [];
    for (let start = 0; start < found.objects.length; start += looksAtOnce) {
      const some = found.objects.slice(start, start + looksAtOnce);
      objects.push(...(await Promise.all(some.map((each) => this.#withSize(each)))));
    }
    return {
      objects: objects.filter((each) => each !== undefined),
      prefixes: found.subdirs.map((name) => this.names.keyOf(name)),
      next: found.next === undefined ? undefined : this.names.keyOf(found.next),
    };
  }

  /** By names, and as the list has it: an object of Distribution's that is a list of segments has no size in it. */
  async *all(prefix: string): AsyncIterable<NamedObject> {
    for (let marker: string | undefined; ;) {
      const { objects, next } = await this.page({ prefix, marker, limit: this.largest() });
      yield* objects;
      if (next === undefined) return;
      marker = next;
    }
  }

  async page({ prefix, folded, marker, limit }: NamesRequest): Promise<{
    readonly objects: readonly NamedObject[];
    readonly subdirs: readonly string[];
    readonly next: string | undefined;
  }> {
    const items = await this.client.run('list', async (attempt) => {
      const answer = await attempt.text({
        method: 'GET',
        path: this.names.path(),
        query: {
          format: 'json',
          prefix,
          limit: String(limit),
          ...(folded === true ? { delimiter: '/' } : {}),
          ...(marker === undefined ? {} : { marker }),
        },
        expected: [404],
      });
      if (answer.status === 404) throw this.objects.noContainer();
      return parsePage(answer.content);
    });
    const last = items.at(-1);
    return {
      objects: items.flatMap((item) => ('subdir' in item ? [] : [objectOf(item)])),
      subdirs: items.flatMap((item) => ('subdir' in item ? [item.subdir] : [])),
      next:
        last === undefined || items.length < limit
          ? undefined
          : 'subdir' in last
            ? last.subdir
            : last.name,
    };
  }

  async #withSize({ name, ...object }: NamedObject): Promise<StoredObject | undefined> {
    const key = this.names.keyOf(name);
    if (object.size > 0 || kindOf(object.version) !== 'plain') return { ...object, key };
    try {
      return await this.objects.head(key);
    } catch (error) {
      if (error instanceof ObjectNotFound) return undefined;
      throw error;
    }
  }
}

/** At objects of which the list does not know the size. */
const looksAtOnce = 32;

function parsePage(text: string): z.infer<typeof page> {
  if (text === '') return [];
  try {
    return page.parse(JSON.parse(text));
  } catch (cause) {
    throw new DamagedOnTheWay('Swift sent a list that cannot be read', { cause });
  }
}

function objectOf(item: {
  readonly name: string;
  readonly bytes: number;
  readonly hash: string;
  readonly last_modified: string;
  readonly slo_etag?: string | undefined;
}): NamedObject {
  return {
    name: item.name,
    size: item.bytes,
    modifiedAt: Date.parse(`${item.last_modified}Z`),
    version:
      item.slo_etag === undefined
        ? versionOf('plain', item.hash)
        : versionOf('static', item.slo_etag),
  };
}
