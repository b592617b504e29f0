import { randomUUID } from 'node:crypto';

import { z } from 'zod';

import {
  ConditionFailed,
  ObjectNotFound,
  type ObjectStore,
  type StoreAbilities,
} from '../bucket/object-store.js';
import { probeAbilities } from '../bucket/probe-abilities.js';
import { ContentTooLarge } from '../storage-driver.js';
import { statusOf } from './s3-errors.js';
import { hashHeaders } from './s3-headers.js';
import type { S3Writes } from './s3-writes.js';

/** What the service compares the bytes with that it is sent, as it was seen to. */
export type Integrity = 'sha256' | 'md5' | 'none';

export interface S3Findings {
  readonly abilities: StoreAbilities;
  readonly integrity: Integrity;
}

/** What was found is good for so many milliseconds: restarts, and the processes and replicas that start together. */
const goodFor = 3_600_000;
const place = 'holdfast/v1/s3-abilities';
const largest = 4096;

const remembered = z.object({
  identity: z.string(),
  at: z.number(),
  abilities: z.object({
    createsOnce: z.boolean(),
    replacesVersion: z.boolean(),
    removesVersion: z.boolean(),
  }),
  integrity: z.enum(['sha256', 'md5', 'none']),
});

/** Finds out what the service does, by doing it, unless somebody has just written down what it did. */
export class S3Probe {
  constructor(
    private readonly store: ObjectStore,
    private readonly writes: S3Writes,
    /** Endpoint and bucket. */
    private readonly identity: string,
    private readonly now: () => number = Date.now,
  ) {}

  async run(): Promise<S3Findings> {
    const known = await this.#remembered();
    if (known !== undefined) return known;
    const [abilities, integrity] = await Promise.all([
      this.#probeAbilities(),
      this.#probeIntegrity(),
    ]);
    const findings = { abilities, integrity };
    const text = JSON.stringify({ identity: this.identity, at: this.now(), ...findings });
    // Not written down, perhaps as another process did so at the same moment: the next start finds out for itself.
    await this.store.put(place, bodyOf(text)).catch(() => undefined);
    return findings;
  }

  async #remembered(): Promise<S3Findings | undefined> {
    try {
      const { content } = await this.store.get(place, { limit: largest });
      const { identity, at, ...findings } = remembered.parse(JSON.parse(content.toString()));
      const age = this.now() - at;
      return identity === this.identity && age >= 0 && age < goodFor ? findings : undefined;
    } catch (error) {
      // Trash is written over.
      const nothing = [ObjectNotFound, ContentTooLarge, SyntaxError, z.ZodError];
      if (nothing.some((kind) => error instanceof kind)) return undefined;
      throw error;
    }
  }

  /** Whoever says of two that both have removed one and the same object did not compare as it removed. */
  async #probeAbilities(): Promise<StoreAbilities> {
    const abilities = await probeAbilities(this.store);
    if (!abilities.removesVersion) return abilities;
    const missing = `holdfast/v1/probe/${randomUUID()}`;
    try {
      await this.store.remove(missing, `"${'0'.repeat(32)}"`);
      return { ...abilities, removesVersion: false };
    } catch (error) {
      if (error instanceof ConditionFailed) return abilities;
      throw error;
    }
  }

  async #probeIntegrity(): Promise<Integrity> {
    const wrong = { sha256: 'f'.repeat(64), md5: Buffer.alloc(16).toString('base64') };
    if (await this.#refuses({ sha256: wrong.sha256 })) return 'sha256';
    return (await this.#refuses({ sha256: 'UNSIGNED-PAYLOAD', md5: wrong.md5 })) ? 'md5' : 'none';
  }

  /** Whether it refuses bytes with a hash that is not theirs. */
  async #refuses(hashes: { readonly sha256: string; readonly md5?: string }): Promise<boolean> {
    const key = `holdfast/v1/probe/${randomUUID()}`;
    const { calls } = this.writes;
    const accepted = await calls.run('PutObject', key, async ({ signal }) => {
      const request = {
        method: 'PUT',
        name: this.writes.names.of(key),
        headers: {
          ...this.writes.writtenHeaders,
          ...hashHeaders(hashes),
          'content-length': '7',
        },
        body: Buffer.from('damaged'),
      } as const;
      try {
        await calls.ask(request, signal);
        return true;
      } catch (error) {
        if (statusOf(error) === 400) return false;
        throw error;
      }
    });
    if (accepted) await this.store.remove(key);
    return !accepted;
  }
}

function bodyOf(text: string) {
  const bytes = Buffer.from(text);
  return { size: bytes.length, open: () => bytes };
}
