import type { Digest } from '#oci/digest.js';
import { ManifestUnknown } from '#oci/errors.js';
import { isTag, type Tag } from '#oci/reference.js';
import type { RepositoryName } from '#oci/repository-name.js';
import { PathNotFound, type StorageDriver, type StoredFile } from '#storage/storage-driver.js';

import { isBucket } from './is-bucket.js';
import { linkFile, readLink } from './links.js';
import {
  tagFolder,
  tagIndexFile,
  tagIndexLinkPath,
  tagLinkFile,
  tagLinkPath,
  tagsFolder,
} from './paths.js';
import { sideBySide } from './side-by-side.js';

/** Names for manifests, one object each: moving one tag never touches another. */
export class Tags {
  constructor(private readonly driver: StorageDriver) {}

  /** @throws {ManifestUnknown} */
  async resolve(name: RepositoryName, tag: Tag): Promise<Digest> {
    const digest = await readLink(this.driver, tagLinkPath(name, tag));
    if (digest === undefined) throw new ManifestUnknown(name, tag);
    return digest;
  }

  /** What it takes to point a tag at a manifest: a file to write before, and the one that does it. */
  filesFor(
    name: RepositoryName,
    tag: Tag,
    digest: Digest,
  ): { before: StoredFile; last: StoredFile } {
    return {
      before: linkFile(tagIndexLinkPath(name, tag, digest), digest),
      last: linkFile(tagLinkPath(name, tag), digest),
    };
  }

  /** Whether the tag points at the manifest already, durably; then there is nothing to write. */
  async isSet(name: RepositoryName, tag: Tag, digest: Digest): Promise<boolean> {
    const paths = [tagLinkPath(name, tag), tagIndexLinkPath(name, tag, digest)];
    const targets = await Promise.all(paths.map((path) => readLink(this.driver, path)));
    if (!targets.every((target) => target?.equals(digest))) return false;
    if (!isBucket(this.driver)) await this.driver.confirm(paths);
    return true;
  }

  /** A tag's removal takes its folder away when it is empty, also while the tag is set again: then its index is mended here. */
  async mendIndex(name: RepositoryName, tag: Tag, digest: Digest): Promise<void> {
    const file = linkFile(tagIndexLinkPath(name, tag, digest), digest);
    if ((await readLink(this.driver, file.path)) === undefined) await this.driver.put([file]);
  }

  /** Also of one that points nowhere, which is how to be rid of it. @throws {ManifestUnknown} */
  async delete(name: RepositoryName, tag: Tag): Promise<void> {
    await this.#requireTag(name, tag);
    await this.driver.remove(tagLinkPath(name, tag));
    await this.#removeEmptied(name, tag);
  }

  /**
   * Removes the tags that point at a manifest at the moment of their removal. The index of each tag, written before the tag
   * is, tells which may.
   * @returns those that it removed
   */
  async deleteAllOf(name: RepositoryName, digest: Digest): Promise<Tag[]> {
    const removed: Tag[] = [];
    const { names } = await this.driver.foldersWith(tagsFolder(name), tagIndexFile(digest));
    await sideBySide(names.filter(isTag), async (tag) => {
      const { path, content } = linkFile(tagLinkPath(name, tag), digest);
      // On a disk a look is cheaper than the comparison that removes; in a bucket it is a part of it.
      if (!isBucket(this.driver)) {
        const target = await readLink(this.driver, path);
        if (target === undefined || !target.equals(digest)) return;
      }
      if (await this.driver.removeIf(path, content)) {
        removed.push(tag);
        await this.#removeEmptied(name, tag);
      }
    });
    return removed;
  }

  /**
   * One page of the tags in ASCII order.
   * @param after the last tag of the page before; need not exist
   */
  async list(
    name: RepositoryName,
    { limit, after }: { limit: number; after?: string | undefined },
  ): Promise<{ tags: Tag[]; more: boolean }> {
    const tags: Tag[] = [];
    for (let last = after; ;) {
      const page = await this.driver.foldersWith(tagsFolder(name), tagLinkFile, {
        limit: limit - tags.length,
        after: last,
      });
      // A folder that is no tag is somebody else's.
      tags.push(...page.names.filter(isTag));
      if (!page.more || tags.length === limit) return { tags, more: page.more };
      last = page.names.at(-1);
    }
  }

  async #requireTag(name: RepositoryName, tag: Tag): Promise<void> {
    try {
      await this.driver.stat(tagLinkPath(name, tag));
    } catch (error) {
      throw error instanceof PathNotFound ? new ManifestUnknown(name, tag) : error;
    }
  }

  /** Tidies up. The tag is gone already, so nothing that goes wrong here is worth an error: a push may write there again. */
  async #removeEmptied(name: RepositoryName, tag: Tag): Promise<void> {
    const folder = tagFolder(name, tag);
    try {
      if (!(await this.driver.removeFolder(`${folder}/current`))) return;
      await this.driver.removeTree(`${folder}/index`);
      await this.driver.removeFolder(folder);
      // A push that set the tag meanwhile may have looked at its index before that was emptied.
      const target = await readLink(this.driver, tagLinkPath(name, tag));
      if (target !== undefined) await this.mendIndex(name, tag, target);
    } catch {
      // The next removal of the tag tries again.
    }
  }
}
