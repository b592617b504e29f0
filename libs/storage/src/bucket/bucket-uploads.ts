import { randomBytes } from 'node:crypto';

import type { StoredFile } from '../stored-file.js';
import {
  type ClaimPurpose,
  PartsClaimed,
  type PartWriter,
  SessionEnded,
  UploadArea,
  type UploadedParts,
} from '../upload-area.js';
import { BucketPartWriter, type WriterArea } from './bucket-part-writer.js';
import { GatheredPart, largestDraft, type PartPlace } from './gathered-part.js';
import type { ObjectStore, StoreAbilities } from './object-store.js';
import { SessionNames, uploadsPrefix } from './session-objects.js';
import { namedParts, noParts, type Part, uploadedParts } from './upload-parts.js';

export interface BucketUploadsOptions extends PartPlace {
  readonly abilities: StoreAbilities;
  /** Writes files that exist for readers once it resolves. */
  readonly putAll: (files: readonly StoredFile[]) => Promise<void>;
}

/**
 * Uploads in a bucket. A finished part is an object that nobody writes again; who goes on with a line is settled when the
 * next part is created, by the store where it can, else by the token, which names its writer.
 *
 * `SessionNames` tells the names of the objects. Nothing is kept between requests.
 */
export class BucketUploads extends UploadArea {
  readonly minimumPartSize: number;
  override readonly reReads = 'costly';
  override readonly maximumSize: number;
  readonly #area: WriterArea;
  readonly #background = new Set<Promise<unknown>>();

  constructor(
    private readonly store: ObjectStore,
    private readonly options: BucketUploadsOptions,
  ) {
    super();
    this.minimumPartSize = store.limits.smallestJoined;
    this.maximumSize = largestDraft(store.limits);
    this.#area = {
      store,
      createsOnce: options.abilities.createsOnce,
      maximumSize: this.maximumSize,
      putAll: options.putAll,
      inBackground: (work) => this.#inBackground(work),
    };
  }

  async claim(
    session: string,
    parts: UploadedParts | undefined,
    purpose: ClaimPurpose = {},
  ): Promise<PartWriter> {
    const names = this.#namesOf(session);
    return this.#writer(names, await this.#claim(names, parts ?? noParts, purpose), purpose);
  }

  /** No writer ever has a line to itself, so that there is nothing to recover. */
  async recover(session: string, parts: UploadedParts): Promise<PartWriter> {
    return this.claim(session, parts);
  }

  async find(session: string) {
    const found = await this.#namesOf(session).list(this.store);
    if (found.ended) throw new SessionEnded(session);
    const line = found.longest();
    return line.length === 0 ? undefined : { parts: uploadedParts(line), claimed: false };
  }

  async end(session: string): Promise<void> {
    const names = this.#namesOf(session);
    const nothing = new Uint8Array(0);
    await this.store.put(names.ended, { size: 0, open: () => nothing });
    const { keys } = await names.list(this.store);
    await this.store.removeAll(keys.filter((key) => key !== names.ended));
  }

  async *sweep(before: number, { dryRun }: { dryRun: boolean }): AsyncIterable<string> {
    let session: SweptSession | undefined;
    for (let next: string | undefined; ;) {
      const page = await this.store.list(uploadsPrefix, { next });
      for (const { key, modifiedAt } of page.objects) {
        const prefix = key.slice(0, key.indexOf('/', uploadsPrefix.length) + 1);
        if (prefix !== session?.prefix) {
          yield* this.#sweepSession(session, before, dryRun);
          session = { prefix, keys: [], newest: 0 };
        }
        session.keys.push(key);
        session.newest = Math.max(session.newest, modifiedAt);
      }
      if (page.next === undefined) break;
      ({ next } = page);
    }
    yield* this.#sweepSession(session, before, dryRun);
    yield* this.store.sweep(before, { dryRun });
  }

  /** Waits for what nobody waited for. */
  async settle(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
  }

  async *#sweepSession(
    session: SweptSession | undefined,
    before: number,
    dryRun: boolean,
  ): AsyncIterable<string> {
    if (session === undefined || session.newest >= before) return;
    if (!dryRun) await this.store.removeAll(session.keys);
    for (const key of session.keys) yield `/${key}`;
  }

  async #claim(
    names: SessionNames,
    parts: UploadedParts,
    { newborn = false, complete = false }: ClaimPurpose,
  ): Promise<ClaimedLine> {
    if (parts.size === 0 && newborn) return { parts: [] };
    // Whether they are still there the store tells when it joins them.
    const named = complete ? namedParts(parts) : undefined;
    if (named !== undefined) {
      // A part that was under way when the session was cancelled came after what that removed.
      const open = names.requireOpen(this.store);
      open.catch(() => undefined);
      return { parts: named, open };
    }
    const found = await names.list(this.store);
    if (found.ended) throw new SessionEnded(names.session);
    const line = parts.size === 0 ? [] : found.lineOf(parts);
    if (line === undefined || (parts.size === 0 && found.longest().length > 0)) {
      throw new PartsClaimed(names.session);
    }
    return { parts: line };
  }

  #writer(
    names: SessionNames,
    { parts: earlier, open }: ClaimedLine,
    { destination: path }: ClaimPurpose,
  ): PartWriter {
    const writer = randomBytes(8).toString('hex');
    const destination = path?.slice(1);
    const own = new GatheredPart(
      this.store,
      this.options,
      this.#keyOf(names, earlier, destination, writer),
      writer,
    );
    return new BucketPartWriter(this.#area, { names, earlier, own, open, destination });
  }

  /** Where bytes go that are too many to wait here for the end of the request. */
  #keyOf(
    names: SessionNames,
    earlier: readonly Part[],
    destination: string | undefined,
    writer: string,
  ): string {
    if (destination === undefined) return names.next(earlier, writer).key;
    const straight = earlier.length === 0 && this.store.limits.separateDrafts;
    return straight ? destination : names.committed(earlier, writer);
  }

  #namesOf(session: string): SessionNames {
    return new SessionNames(session, this.options.abilities.createsOnce);
  }

  #inBackground(work: Promise<unknown>): void {
    const watched = work.catch(() => undefined).finally(() => this.#background.delete(watched));
    this.#background.add(watched);
  }
}

interface ClaimedLine {
  readonly parts: readonly Part[];
  /** As `WriterLine.open`. */
  readonly open?: Promise<void>;
}

interface SweptSession {
  readonly prefix: string;
  readonly keys: string[];
  newest: number;
}
