import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';

import {
  ConditionFailed,
  type ObjectBody,
  ObjectNotFound,
  type StoredObject,
} from '../bucket/object-store.js';
import { gatherSmall, type JoinPiece } from './join-plan.js';
import { largeEtag, lengthOf, type Segment } from './manifest-segments.js';
import { kindOf, versionOf } from './object-version.js';
import type { SwiftLists } from './swift-lists.js';
import type { SwiftManifests } from './swift-manifests.js';
import type { SwiftNames } from './swift-names.js';
import type { SwiftObjects } from './swift-objects.js';
import type { SwiftRemovals } from './swift-removals.js';

type Source = Omit<StoredObject, 'modifiedAt'>;

export interface JoinLimits {
  readonly smallestSegment: number;
  readonly largestObject: number;
}

/**
 * Joins by a manifest. The segments of large sources are named by it too, so they outlive the sources' names; small sources
 * are copied, inside of Swift, to segments of its own.
 */
export class SwiftJoin {
  constructor(
    private readonly names: SwiftNames,
    private readonly objects: SwiftObjects,
    private readonly manifests: SwiftManifests,
    private readonly lists: SwiftLists,
    private readonly removals: SwiftRemovals,
    private readonly limits: () => JoinLimits,
  ) {}

  async join(sources: readonly Source[], key: string): Promise<void> {
    const found = await Promise.all(sources.map((source) => this.#pieces(source)));
    const { smallestSegment, largestObject } = this.limits();
    const groups = gatherSmall(found.flat(), smallestSegment);
    const [first = [], ...others] = groups;
    const [only] = first;
    if (others.length === 0 && isSmall(first, 2 * smallestSegment)) {
      await this.objects.put(key, this.#bodyOf(first));
    } else if (others.length === 0 && first.length === 1 && isObject(only, largestObject)) {
      await this.objects.copy(this.#name(only), this.names.ofKey(key), only);
    } else {
      await this.#write(key, groups);
    }
  }

  async #write(key: string, groups: readonly (readonly JoinPiece[])[]): Promise<void> {
    const folder = this.names.newFolder();
    const segments = await this.#segments(groups, folder).catch(async (error: unknown) => {
      await this.#removeFolder(folder).catch(() => undefined);
      throw error;
    });
    await this.#keep(segments, folder);
    // Should this fail the manifest may be there all the same, so what was copied is the sweeper's.
    await this.manifests.write(key, segments, { writer: randomUUID(), folder: () => folder });
  }

  async #segments(
    groups: readonly (readonly JoinPiece[])[],
    folder: string,
  ): Promise<readonly Segment[]> {
    const segments: Segment[] = [];
    for (let start = 0; start < groups.length; start += copiesAtOnce) {
      const some = groups.slice(start, start + copiesAtOnce);
      const made = some.map((group, index) => this.#segment(group, folder, start + index));
      const settled = await Promise.allSettled(made);
      segments.push(
        ...settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : [])),
      );
      const failed = settled.find((each) => each.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    }
    return segments;
  }

  async #segment(group: readonly JoinPiece[], folder: string, index: number): Promise<Segment> {
    const [first] = group as [JoinPiece];
    if (group.length === 1 && !first.copied) return first;
    const name = this.names.inFolder(folder, String(index).padStart(8, '0'));
    const path = this.names.full(name);
    if (group.length === 1) {
      await this.objects.copy(this.#name(first), name, first);
      return { path, etag: first.etag, size: first.size, range: first.range };
    }
    const body = this.#bodyOf(group);
    return { path, etag: await this.objects.write(name, body), size: body.size };
  }

  #bodyOf(group: readonly JoinPiece[]): ObjectBody {
    const size = group.reduce((sum, piece) => sum + lengthOf(piece), 0);
    return { size, open: () => Readable.from(this.#bytes(group)) };
  }

  async *#bytes(group: readonly JoinPiece[]): AsyncIterable<Uint8Array> {
    for (const piece of group) yield* await this.objects.readName(this.#name(piece), piece);
  }

  /**
   * Segments that have lain about for long get a fresh neighbour, so that the sweeper, whose list may not have the new
   * manifest yet, takes their folder for a young one.
   */
  async #keep(segments: readonly Segment[], own: string): Promise<void> {
    const old = new Set<string>();
    for (const { path, modifiedAt } of segments) {
      const folder = this.names.folderOf(this.names.ownName(path) ?? '');
      if (folder === undefined || folder === own) continue;
      if (Date.now() - (modifiedAt ?? 0) > freshFor) old.add(folder);
    }
    await Promise.all(
      [...old].map((folder) =>
        this.objects.write(this.names.inFolder(folder, `joined-${own}`), {
          size: 0,
          open: () => Buffer.alloc(0),
        }),
      ),
    );
  }

  async #pieces(source: Source): Promise<readonly JoinPiece[]> {
    const name = this.names.ofKey(source.key);
    switch (kindOf(source.version)) {
      case 'plain':
        return [
          { path: this.names.full(name), etag: source.version, size: source.size, copied: true },
        ];
      case 'static': {
        const manifest = await this.manifests.read(name);
        if (manifest === undefined) throw new ObjectNotFound(source.key);
        if (manifest.version !== source.version) throw new ConditionFailed(source.key);
        return manifest.segments.map((segment) => ({ ...segment, copied: false }));
      }
      case 'dynamic':
        return this.#listedPieces(source);
    }
  }

  /** Of an object of Distribution's, whose segments stay its own. */
  async #listedPieces({ key, version }: Source): Promise<readonly JoinPiece[]> {
    const { answer } = await this.objects.stat(key);
    const prefix = decodeURIComponent(answer.header('x-object-manifest') ?? '');
    const ownPrefix = this.names.ownName(`/${prefix}`);
    if (ownPrefix === undefined) throw new ConditionFailed(key);
    const pieces: JoinPiece[] = [];
    for await (const { name, size, version: etag } of this.lists.all(ownPrefix)) {
      pieces.push({ path: this.names.full(name), etag, size, copied: true });
    }
    if (versionOf('dynamic', largeEtag(pieces)) !== version) throw new ConditionFailed(key);
    return pieces;
  }

  #name({ path }: Segment): string {
    return this.names.ownName(path) ?? path;
  }

  async #removeFolder(folder: string): Promise<void> {
    const names: string[] = [];
    for await (const { name } of this.lists.all(this.names.inFolder(folder, ''))) names.push(name);
    await this.removals.removeNames(names);
  }
}

/** Cheaper to send again than to be looked up at each read. */
function isSmall(group: readonly JoinPiece[], limit: number): boolean {
  return group.length !== 1 && group.reduce((sum, piece) => sum + lengthOf(piece), 0) < limit;
}

function isObject(piece: JoinPiece | undefined, largest: number): piece is JoinPiece {
  return piece?.copied === true && piece.range === undefined && piece.size <= largest;
}

const copiesAtOnce = 8;
/** Milliseconds: well below any age at which something is swept. */
const freshFor = 3_600_000;
