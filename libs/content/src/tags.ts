import { setTimeout as delay } from 'node:timers/promises';

import type { Digest } from '#oci/digest.js';
import { ManifestUnknown } from '#oci/errors.js';
import { isTag, type Tag } from '#oci/reference.js';
import type { RepositoryName } from '#oci/repository-name.js';
import {
  PathNotFound,
  type StorageDriver,
  StorageUnavailable,
  type StoredFile,
} from '#storage/storage-driver.js';

import { isBucket } from './is-bucket.js';
import { canConfirm, linkFile, readLink } from './links.js';
import {
  tagFolder,
  tagIndexFile,
  tagIndexLinkPath,
  tagLinkFile,
  tagLinkPath,
  tagsFolder,
} from './paths.js';
import { sideBySide } from './side-by-side.js';

/** Tags that are removed between two looks whether their manifest is back. */
const mostBetweenLooks = 32;

/** Pushes of a manifest while its tags are removed, one after the other, before that is given up. */
const mostDisturbances = 50;

/**
 * Attempts to put tags back that a delete took before it failed, and the milliseconds between them. Short, since somebody may
 * push and delete such a tag as soon as the storage answers again.
 */
const restoring = { attempts: 120, pause: 1_000 };

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
    return isBucket(this.driver) || canConfirm(this.driver, paths);
  }

  async pointsAt(name: RepositoryName, tag: Tag, digest: Digest): Promise<boolean> {
    const target = await readLink(this.driver, tagLinkPath(name, tag));
    return target !== undefined && target.equals(digest);
  }

  /** Points a tag that points nowhere at a manifest again. One that somebody has set meanwhile stays. */
  async putBack(name: RepositoryName, tag: Tag, digest: Digest): Promise<void> {
    const { before, last } = this.filesFor(name, tag, digest);
    await this.driver.put([before]);
    await this.driver.create(last);
  }

  /**
   * On a disk a tag's removal takes its folder away when it is empty, also while the tag is set again: then its index is
   * mended here, for other registries and for who copies the folder into a bucket.
   */
  async mendIndex(name: RepositoryName, tag: Tag, digest: Digest): Promise<void> {
    if (isBucket(this.driver)) return;
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
   * Removes the tags that point at a manifest at the moment of their removal, as long as nobody has pushed it again: then the
   * tags may be of that push.
   * @param isBack whether somebody has
   * @returns those that it removed
   */
  async deleteAllOf(
    name: RepositoryName,
    digest: Digest,
    isBack: () => Promise<boolean>,
  ): Promise<Tag[]> {
    const removed: Tag[] = [];
    let left = await this.#thatMayPointAt(name, digest);
    let wasPushed = left.length > 0 && (await isBack());
    for (let disturbances = 0; left.length > 0 && !wasPushed;) {
      const some = left.slice(0, mostBetweenLooks);
      const gone: Tag[] = [];
      const restore = async () => {
        const mayBeOfAPush = gone.length > 0 && (await isBack());
        if (mayBeOfAPush) await sideBySide(gone, (tag) => this.putBack(name, tag, digest));
        return mayBeOfAPush;
      };
      try {
        await this.#removeThoseOf(name, digest, some, gone);
        wasPushed = await restore();
      } catch (error) {
        await restore().catch(() => void restoreLater(restore));
        throw error;
      }
      if (wasPushed) {
        if (++disturbances > mostDisturbances) throw pushedAllTheTime(digest);
        // If the manifest went before they were back they go once more.
        wasPushed = await isBack();
      } else {
        removed.push(...gone);
        left = left.slice(some.length);
      }
    }
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

  /**
   * On a disk all of them: reading a link costs less than looking for one that is not there. In a bucket the index of each
   * tag, written before the tag is and never removed, tells in one list.
   */
  async #thatMayPointAt(name: RepositoryName, digest: Digest): Promise<Tag[]> {
    const folder = tagsFolder(name);
    const names = isBucket(this.driver)
      ? (await this.driver.foldersWith(folder, tagIndexFile(digest))).names
      : (await this.driver.list(folder)).map((entry) => entry.name);
    return names.filter(isTag);
  }

  /** @param removed is complete when the promise settles, also when it rejects */
  async #removeThoseOf(
    name: RepositoryName,
    digest: Digest,
    tags: readonly Tag[],
    removed: Tag[],
  ): Promise<void> {
    const failures: unknown[] = [];
    await sideBySide(tags, async (tag) => {
      try {
        if (!(await this.#removeIfOf(name, digest, tag))) return;
        removed.push(tag);
        await this.#removeEmptied(name, tag);
      } catch (error) {
        failures.push(error);
      }
    });
    if (failures.length > 0) throw failures[0];
  }

  async #removeIfOf(name: RepositoryName, digest: Digest, tag: Tag): Promise<boolean> {
    const { path, content } = linkFile(tagLinkPath(name, tag), digest);
    // On a disk a look is cheaper than the comparison that removes; in a bucket it is a part of it.
    if (!isBucket(this.driver) && !(await this.pointsAt(name, tag, digest))) return false;
    return this.driver.removeIf(path, content);
  }

  async #requireTag(name: RepositoryName, tag: Tag): Promise<void> {
    try {
      await this.driver.stat(tagLinkPath(name, tag));
    } catch (error) {
      throw error instanceof PathNotFound ? new ManifestUnknown(name, tag) : error;
    }
  }

  /**
   * Tidies up on a disk. The tag is gone already, so nothing that goes wrong here is worth an error: a push may write there
   * again. In a bucket a push that sets the tag meanwhile could not keep its index from being removed, without which a delete
   * would miss the tag (`docs/adr/0023-calls-to-a-bucket.md`).
   */
  async #removeEmptied(name: RepositoryName, tag: Tag): Promise<void> {
    if (isBucket(this.driver)) return;
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

/** A storage that failed once may be away for a while. */
async function restoreLater(restore: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; attempt < restoring.attempts; attempt++) {
    await delay(restoring.pause, undefined, { ref: false });
    try {
      await restore();
      return;
    } catch {
      // Still away.
    }
  }
}

function pushedAllTheTime(digest: Digest): StorageUnavailable {
  return new StorageUnavailable(`others push and delete ${digest.toString()} all the time`);
}
