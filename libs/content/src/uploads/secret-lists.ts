import { createHash } from 'node:crypto';

import { z } from 'zod';

import { ContentTooLarge, PathNotFound, type StorageDriver } from '#storage/storage-driver.js';

import { secretListsFolder } from '../paths.js';

const listSchema = z.object({
  seenAt: z.number(),
  from: z.string().max(100),
  fingerprints: z.array(z.string()).min(1),
});

/** A list of secrets that processes on this storage use, without the secrets. */
export interface SecretList {
  /** The key of the configuration that it is from. */
  readonly from: string;
  readonly fingerprints: readonly string[];
}

interface SeenList extends SecretList {
  readonly id: string;
  /** When a process last said that it uses it (milliseconds since 1970). */
  readonly seenAt: number;
}

const largestList = 16 * 1024;
/** More than that are no replicas but a mistake, which the first of them show as well. */
const mostLists = 20;

/** The lists of secrets that are in use on a storage: one small file for each, however many processes use it. */
export class SecretLists {
  constructor(private readonly driver: StorageDriver) {}

  async write(list: SecretList, seenAt: number): Promise<void> {
    const content = Buffer.from(JSON.stringify({ seenAt, ...list }));
    await this.driver.putVolatile({ path: pathOf(idOf(list)), content });
  }

  /** Undefined where nobody has said it yet, or what was said is damaged. */
  async find(list: SecretList): Promise<SeenList | undefined> {
    return this.#read(idOf(list));
  }

  async others(list: SecretList): Promise<readonly SeenList[]> {
    const entries = await this.driver.list(secretListsFolder);
    const ids = entries.map(({ name }) => name).filter((name) => name !== idOf(list));
    const lists = await Promise.all(ids.slice(0, mostLists).map((id) => this.#read(id)));
    return lists.filter((one) => one !== undefined);
  }

  async remove({ id }: SeenList): Promise<void> {
    await this.driver.remove(pathOf(id));
  }

  async #read(id: string): Promise<SeenList | undefined> {
    try {
      const content = await this.driver.get(pathOf(id), { limit: largestList });
      return { id, ...listSchema.parse(JSON.parse(content.toString('utf8'))) };
    } catch (error) {
      // Removed meanwhile, cut by a crash, or not ours.
      const passedOver = [PathNotFound, ContentTooLarge, SyntaxError, z.ZodError];
      if (passedOver.some((kind) => error instanceof kind)) return undefined;
      throw error;
    }
  }
}

function idOf({ from, fingerprints }: SecretList): string {
  return createHash('sha256')
    .update([from, ...fingerprints].join('\0'))
    .digest('hex')
    .slice(0, 16);
}

function pathOf(id: string): string {
  return `${secretListsFolder}/${id}`;
}
