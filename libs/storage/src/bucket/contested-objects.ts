import { ContentTooLarge, StorageUnavailable } from '../storage-driver.js';
import {
  ConditionFailed,
  type ObjectBody,
  ObjectNotFound,
  type ObjectStore,
  type StoreAbilities,
  type StoredObject,
  type WriteCondition,
} from './object-store.js';
import { isMark, mayBeMark, removalMark } from './removal-mark.js';

/** A small object and what it shall be. */
interface Wanted {
  readonly key: string;
  readonly content: Uint8Array;
}

/** Others who write the same object at the same time, one after the other, before this gives up. */
const mostRivals = 50;

/**
 * Small objects to which several write different content at the same time, such as tags: as exactly as the store's
 * conditions allow.
 */
export class ContestedObjects {
  constructor(
    private readonly store: ObjectStore,
    private readonly abilities: StoreAbilities,
  ) {}

  /** Writes the objects when `writes` is done. */
  async putAfter(writes: () => Promise<void>, objects: readonly Wanted[]): Promise<void> {
    const { createsOnce, replacesVersion, removesVersion } = this.abilities;
    if (createsOnce && replacesVersion) {
      const [found] = await Promise.all([
        Promise.all(objects.map(({ key }) => this.#find(key))),
        writes(),
      ]);
      await Promise.all(objects.map((object, index) => this.#putOver(object, found[index])));
      return;
    }
    await writes();
    await Promise.all(objects.map(({ key, content }) => this.store.put(key, bodyOf(content))));
    if (!replacesVersion && !removesVersion) {
      await Promise.all(objects.map((object) => this.#seeThere(object)));
    }
  }

  /** @returns false if there is one already */
  async create(key: string, content: Uint8Array): Promise<boolean> {
    if (!this.abilities.createsOnce) {
      if (await this.#version(key, undefined)) return false;
      await this.store.put(key, bodyOf(content));
      return true;
    }
    for (let rival = 0; rival < mostRivals; rival++) {
      if (await this.#putIf(key, content, 'absent')) return true;
      const mark = await this.#version(key, removalMark);
      if (mark === undefined) return false;
      if (await this.#putIf(key, content, { version: mark })) return true;
    }
    throw tooManyRivals(key);
  }

  /** @returns false if it has another content */
  async removeIf(key: string, expected: Uint8Array): Promise<boolean> {
    for (let rival = 0; rival < mostRivals; rival++) {
      const version = await this.#version(key, expected);
      if (version === undefined) return false;
      if (await this.#removeVersion(key, version)) return true;
    }
    throw tooManyRivals(key);
  }

  /** Whether an object is there for readers, and does not just hold the place of one that was removed. */
  async isThere({ key, size }: Pick<StoredObject, 'key' | 'size'>): Promise<boolean> {
    return !mayBeMark(size) || !(await this.isMarked(key));
  }

  async isMarked(key: string): Promise<boolean> {
    return (await this.#version(key, removalMark)) !== undefined;
  }

  /**
   * Writes over what was found before, and nothing else: an attempt that is repeated, or arrives after its caller gave it
   * up, does not undo what another wrote since.
   */
  async #putOver({ key, content }: Wanted, found: StoredObject | undefined): Promise<void> {
    for (let rival = 0, over = found; rival < mostRivals; rival++) {
      const condition = over === undefined ? 'absent' : { version: over.version };
      try {
        await this.store.put(key, bodyOf(content), condition);
        return;
      } catch (error) {
        if (!(error instanceof ConditionFailed)) throw error;
        const before = over?.version;
        over = await this.#find(key);
        // Another wrote meanwhile. This came just before, and was overwritten.
        const isOther = over?.version !== before;
        if (isOther && over !== undefined && (await this.isThere(over))) return;
        if (error.mayHaveHappened) {
          throw new StorageUnavailable(`${key} was changed while it was written`);
        }
      }
    }
    throw tooManyRivals(key);
  }

  /** A removal that compared with the old content and came after the new one has taken that: it is written again. */
  async #seeThere({ key, content }: Wanted): Promise<void> {
    for (let rival = 0; rival < mostRivals; rival++) {
      if ((await this.#version(key, undefined)) !== undefined) return;
      await this.store.put(key, bodyOf(content));
    }
  }

  async #putIf(key: string, content: Uint8Array, condition: WriteCondition): Promise<boolean> {
    try {
      await this.store.put(key, bodyOf(content), condition);
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      throw error;
    }
  }

  /** @returns false if it is another version by now */
  async #removeVersion(key: string, version: string): Promise<boolean> {
    const { removesVersion, replacesVersion } = this.abilities;
    if (!removesVersion && !replacesVersion) {
      // What another writes between the comparison and this is taken too: the writer looks and writes it again.
      await this.store.remove(key);
      return true;
    }
    try {
      if (removesVersion) await this.store.remove(key, version);
      else await this.store.put(key, bodyOf(removalMark), { version });
      return true;
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      // After a lost answer it is gone, by this removal or another, whatever was written since.
      return error.mayHaveHappened;
    }
  }

  /** The version of an object if it has this content; of any that readers see if undefined. */
  async #version(key: string, content: Uint8Array | undefined): Promise<string | undefined> {
    try {
      const limit = content?.length ?? removalMark.length;
      const object = await this.store.get(key, { limit });
      const same = content === undefined ? !isMark(object.content) : object.content.equals(content);
      return same ? object.version : undefined;
    } catch (error) {
      if (error instanceof ObjectNotFound) return undefined;
      if (!(error instanceof ContentTooLarge)) throw error;
      return content === undefined ? 'larger' : undefined;
    }
  }

  async #find(key: string): Promise<StoredObject | undefined> {
    try {
      return await this.store.head(key);
    } catch (error) {
      if (error instanceof ObjectNotFound) return undefined;
      throw error;
    }
  }
}

export function bodyOf(content: Uint8Array): ObjectBody {
  return { size: content.length, open: () => content };
}

function tooManyRivals(key: string): StorageUnavailable {
  return new StorageUnavailable(`others write ${key} all the time`);
}
