import type { DigestAlgorithm } from '#oci/digest.js';
import { Digest } from '#oci/digest.js';
import { BlobUploadUnknown, DigestInvalid } from '#oci/errors.js';
import type { RepositoryName } from '#oci/repository-name.js';
import type { StorageDriver } from '#storage/storage-driver.js';
import { PartsClaimed, type PartWriter, SessionEnded } from '#storage/upload-area.js';

import type { BlobStore } from '../blobs/blob-store.js';
import { HandOvers } from './hand-overs.js';
import { KeptHashes } from './kept-hashes.js';
import { isSessionId, newSessionId } from './session-id.js';
import type { SigningSecrets } from './signing-secrets.js';
import { TravelingHashes } from './traveling-hashes.js';
import { type BodyLength, UploadBody } from './upload-body.js';
import { type ClaimedLine, orAbandon, unknown, UploadGone, UploadLines } from './upload-lines.js';
import { offsetOf, signState, type UploadState, verifyState } from './upload-state.js';

export interface UploadOwner {
  readonly name: RepositoryName;
  /** The account; empty for anonymous access. */
  readonly subject: string;
}

export interface UploadSessionsOptions {
  readonly now?: () => number;
  /** Whether it is known that other processes go on with uploads of this one; else it is seen. */
  readonly amongOthers?: boolean;
}

/** A request's bytes, where it said they belong. */
export interface UploadChunk {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** From `Content-Length` and `Content-Range`. */
  readonly length: BodyLength;
}

/** How long a Location stays good after its answer: a week, as Distribution keeps uploads (milliseconds). */
const stateLifetime = 7 * 24 * 60 * 60 * 1000;

/** Uploads from the first request to the blob. Each method is one request, in any process. */
export class UploadSessions {
  readonly #lines: UploadLines;
  readonly #hashes = new KeptHashes();
  readonly #traveling = new TravelingHashes();
  readonly #handOvers: HandOvers;
  /** Begun by a request that has not been answered yet. */
  readonly #newborn = new WeakSet<UploadState>();
  readonly #committing = new Map<string, Promise<number>>();

  private readonly now: () => number;

  constructor(
    private readonly driver: Pick<StorageDriver, 'uploads'>,
    private readonly blobs: BlobStore,
    private readonly secrets: SigningSecrets,
    { now = Date.now, amongOthers = false }: UploadSessionsOptions = {},
  ) {
    this.now = now;
    this.#lines = new UploadLines(driver.uploads);
    this.#handOvers = new HandOvers(amongOthers, now);
  }

  /** Bytes that a chunk should have at least; 0 where any size will do. */
  get minimumChunkSize(): number {
    return this.driver.uploads.minimumPartSize;
  }

  /** Writes nothing: the state is all there is of a session without bytes. */
  begin({ name, subject }: UploadOwner, algorithm: DigestAlgorithm = 'sha256'): UploadState {
    const session = newSessionId(this.secrets.first, { name, subject }, this.now());
    const state = this.#stateOf({ name, subject, session, algorithm });
    this.#newborn.add(state);
    return state;
  }

  sign(state: UploadState): string {
    return signState(this.secrets.first, state);
  }

  /** @throws {BlobUploadUnknown} for a session that is not ours, or not this owner's */
  open(owner: UploadOwner, session: string, token: string | undefined): UploadState {
    if (!isSessionId(this.secrets.all, session, owner)) {
      throw new BlobUploadUnknown('no such upload in this repository');
    }
    if (token === undefined) {
      return this.#stateOf({ ...owner, session, algorithm: 'sha256' });
    }
    return verifyState(this.secrets.all, token, { ...owner, session }, this.now());
  }

  /** What the storage has, whatever the state says. @throws {BlobUploadUnknown} */
  async status(state: UploadState): Promise<UploadState> {
    const found = await this.#lines.find(state.session);
    if (found === undefined) {
      if (offsetOf(state) > 0) throw new BlobUploadUnknown('the upload was committed or cancelled');
      return this.#renew(state, { parts: undefined, claimed: false, ...unknown });
    }
    const same = found.parts.size === offsetOf(state) && found.parts.token === state.parts?.token;
    const { digest, hash } = same ? state : unknown;
    return this.#renew(state, { ...found, digest, hash });
  }

  /** Appends a request's bytes; the state that is returned holds them. On any error the session is as it was. */
  async append(state: UploadState, chunk: UploadChunk): Promise<UploadState> {
    chunk.length.requireStart(offsetOf(state));
    this.#handOvers.goesOn(state.parts);
    const newborn = this.#newborn.has(state);
    const { writer, known } = await this.#lines.claim(state, { newborn });
    // A body that says where it begins is likely to be one of several.
    const travels = chunk.length.start !== undefined;
    const body = this.#bodyOf(known, writer, { algorithm: state.algorithm, travels });
    await orAbandon(writer, () => body.take(chunk));
    const hashed = body.hashed();
    const parts = await this.#lines.finish(writer, state);
    this.#handOvers.finished(parts);
    const running = body.running;
    if (running !== undefined) this.#hashes.keep(parts, running);
    this.#hashes.forget(state.parts);
    return this.#renew(state, { parts, claimed: false, ...(await hashed) });
  }

  async cancel(state: UploadState): Promise<void> {
    await this.status(state);
    await this.driver.uploads.end(state.session);
    this.#hashes.forget(state.parts);
  }

  /**
   * Verifies the upload, with the last bytes if the request brings some, and makes it a blob of the repository. Goes on
   * when the client has left; a request that repeats it while it runs waits for it, one that comes later finds it done.
   *
   * @returns the size of the blob in bytes
   * @throws {DigestInvalid} if the bytes have another digest; the session is as it was, without this request's bytes
   */
  async commit(state: UploadState, digest: Digest, chunk?: UploadChunk): Promise<number> {
    chunk?.length.requireStart(offsetOf(state));
    this.#handOvers.goesOn(state.parts);
    const key = `${state.session} ${digest.toString()}`;
    const running = chunk === undefined ? this.#committing.get(key) : undefined;
    if (running !== undefined) return running;
    const commit = this.#commit(state, digest, chunk).finally(() => {
      if (this.#committing.get(key) === commit) this.#committing.delete(key);
    });
    this.#committing.set(key, commit);
    return commit;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#traveling.close();
  }

  async #commit(
    state: UploadState,
    digest: Digest,
    chunk: UploadChunk | undefined,
  ): Promise<number> {
    let claimed: ClaimedLine;
    try {
      claimed = await this.#lines.claim(state, {
        recover: true,
        newborn: this.#newborn.has(state),
        complete: chunk === undefined,
        destination: this.blobs.placeOf(state.name, digest).path,
      });
    } catch (error) {
      // A repeated request: this repository's link and the data prove that the first one was answered, or nearly.
      const repeated = error instanceof UploadGone && offsetOf(state) > 0;
      if (repeated && (await this.#isCommitted(state.name, digest))) {
        return this.blobs.stat(state.name, digest);
      }
      throw error;
    }
    const { writer, known } = claimed;
    const settled = chunk === undefined && known.digest?.algorithm === digest.algorithm;
    const body = this.#bodyOf(settled ? { ...known, hash: undefined } : known, writer, {
      algorithm: digest.algorithm,
      travels: false,
    });
    await orAbandon(writer, async () => {
      if (chunk !== undefined) await body.take(chunk);
      const actual = (await body.hashed()).digest ?? (await body.readAgain(digest.algorithm));
      if (!actual.equals(digest)) {
        throw new DigestInvalid('uploaded content does not have the digest that was given', {
          expected: digest.toString(),
          actual: actual.toString(),
          size: writer.size,
        });
      }
    });
    const { size } = writer;
    const { path, files } = this.blobs.placeOf(state.name, digest);
    try {
      await this.blobs.whileLinking(state.name, digest, () => writer.commit(path, files));
    } catch (error) {
      if (!(error instanceof PartsClaimed)) throw error;
      // Another request committed the same upload first, or it was cancelled.
      if (error instanceof SessionEnded || !(await this.#isCommitted(state.name, digest))) {
        throw new BlobUploadUnknown('the upload was cancelled, or committed as another blob');
      }
    }
    await this.blobs.contents.noteVerified(digest, size);
    this.#hashes.forget(state.parts);
    return size;
  }

  /** By another request, which may not have made it durable yet. */
  async #isCommitted(name: RepositoryName, digest: Digest): Promise<boolean> {
    return (await this.blobs.has(name, digest)) && this.blobs.confirm(name, digest);
  }

  /** @param travels whether the hash of a body that begins an upload shall go on in another process */
  #bodyOf(
    { parts, digest, hash }: ClaimedLine['known'],
    writer: PartWriter,
    { algorithm, travels }: { algorithm: DigestAlgorithm; travels: boolean },
  ): UploadBody {
    const kept = parts && this.#hashes.copy(parts);
    const saved = hash?.algorithm === algorithm ? hash.saved : undefined;
    const costly = this.driver.uploads.reReads === 'costly' && this.#handOvers.expected;
    const begins = travels && writer.size === 0 && costly;
    return new UploadBody(writer, {
      algorithm,
      running: kept?.algorithm === algorithm ? kept : undefined,
      traveling: saved || begins ? this.#traveling.begin(algorithm, saved) : undefined,
      digestSoFar: digest?.algorithm === algorithm ? digest : undefined,
      maximumSize: this.driver.uploads.maximumSize,
    });
  }

  #stateOf(owner: UploadOwner & { session: string; algorithm: DigestAlgorithm }): UploadState {
    return {
      ...owner,
      parts: undefined,
      claimed: false,
      ...unknown,
      expires: this.now() + stateLifetime,
    };
  }

  #renew(
    state: UploadState,
    change: Pick<UploadState, 'parts' | 'claimed' | 'digest' | 'hash'>,
  ): UploadState {
    return { ...state, ...change, expires: this.now() + stateLifetime };
  }
}
