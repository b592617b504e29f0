import { randomUUID } from 'node:crypto';

import { kindOf } from './object-version.js';
import type { NamedObject, SwiftLists } from './swift-lists.js';
import type { SwiftManifests } from './swift-manifests.js';
import type { SwiftNames } from './swift-names.js';
import type { SwiftObjects } from './swift-objects.js';
import type { SwiftRemovals } from './swift-removals.js';

/** Removes folders of segments that no manifest names: of writers that died, and of large objects that were removed. */
export class SwiftSweep {
  constructor(
    private readonly names: SwiftNames,
    private readonly objects: SwiftObjects,
    private readonly manifests: SwiftManifests,
    private readonly lists: SwiftLists,
    private readonly removals: SwiftRemovals,
  ) {}

  /** @throws if a manifest cannot be read: then nothing is known, and nothing is removed */
  async *sweep(before: number, { dryRun }: { readonly dryRun: boolean }): AsyncIterable<string> {
    const started = Date.now();
    const old = new Set<string>();
    for await (const [folder, newest] of this.#folders()) if (newest < before) old.add(folder);
    if (old.size === 0 || !(await this.#listsTellManifests())) return;
    await this.#spare(old, () => true);
    // A join gives segments another manifest before the first one goes. So whatever moved from a name that the first look
    // had not reached yet to one that it had passed was written since, and a second look at what is new finds it.
    if (old.size > 0) await this.#spare(old, (each) => each.modifiedAt > started - clockDifference);
    for (const folder of old) {
      const segments = await this.#segments(folder);
      if (segments.length === 0 || segments.some((each) => each.modifiedAt >= before)) continue;
      if (!dryRun) await this.removals.removeNames(segments.map(({ name }) => name));
      yield this.names.segments + folder;
    }
  }

  /** Each folder of ours, with when something was last written there. */
  async *#folders(): AsyncIterable<readonly [folder: string, newest: number]> {
    let current: string | undefined;
    let newest = 0;
    for await (const { name, modifiedAt } of this.lists.all(this.names.segments)) {
      const folder = this.names.folderOf(name);
      if (folder !== current) {
        if (current !== undefined) yield [current, newest];
        current = folder;
        newest = 0;
      }
      newest = Math.max(newest, modifiedAt);
    }
    if (current !== undefined) yield [current, newest];
  }

  /** Takes out the folders that manifests name. */
  async #spare(folders: Set<string>, chosen: (each: NamedObject) => boolean): Promise<void> {
    let reading: Promise<void>[] = [];
    for await (const each of this.lists.all(this.names.files)) {
      if (kindOf(each.version) !== 'static' || !chosen(each)) continue;
      reading.push(this.#spareThose(folders, each.name));
      if (reading.length < readAtOnce) continue;
      await Promise.all(reading);
      reading = [];
    }
    await Promise.all(reading);
  }

  async #spareThose(folders: Set<string>, manifestName: string): Promise<void> {
    const manifest = await this.manifests.read(manifestName);
    if (manifest === undefined) return;
    for (const path of [...manifest.segments.map((segment) => segment.path), ...manifest.nested]) {
      const folder = this.names.folderOf(this.names.ownName(path) ?? '');
      if (folder !== undefined) folders.delete(folder);
    }
  }

  async #segments(folder: string): Promise<NamedObject[]> {
    const segments: NamedObject[] = [];
    for await (const each of this.lists.all(this.names.inFolder(folder, ''))) segments.push(each);
    return segments;
  }

  /** Servers that only speak like Swift, and very old ones, list manifests as if they were anything else. */
  async #listsTellManifests(): Promise<boolean> {
    const folder = this.names.newFolder();
    const name = this.names.inFolder(folder, '00000000');
    const key = `holdfast/v1/probe/${randomUUID()}`;
    const etag = await this.objects.write(name, { size: 1, open: () => Buffer.from('x') });
    try {
      const segments = [{ path: this.names.full(name), etag, size: 1 }];
      await this.manifests.write(key, segments, { writer: folder, folder: () => folder });
      const { objects } = await this.lists.page({ prefix: this.names.ofKey(key), limit: 1 });
      return objects.some((each) => kindOf(each.version) === 'static');
    } finally {
      await this.removals.removeNames([this.names.ofKey(key), name]);
    }
  }
}

const readAtOnce = 16;
/** Milliseconds by which the store's clock may lag behind ours. */
const clockDifference = 3_600_000;
