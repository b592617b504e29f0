import { createHash } from 'node:crypto';

import { Digest, type DigestAlgorithm } from '#oci/digest.js';
import { RangeInvalid, SizeInvalid } from '#oci/errors.js';
import type { PartWriter } from '#storage/upload-area.js';

import { BlobTooLarge } from './blob-too-large.js';
import type { RunningHash } from './kept-hashes.js';
import type { SavedHash, TravelingHash } from './traveling-hashes.js';

/** What a request says of its body: its length, where it begins. All in bytes; undefined where it does not say. */
export class BodyLength {
  constructor(
    readonly length: number | undefined,
    readonly start?: number,
  ) {}

  /** @throws {RangeInvalid} if the body does not begin where the upload ends; one that does not say begins there */
  requireStart(offset: number): void {
    if (this.start !== undefined && this.start !== offset) {
      throw new RangeInvalid('the chunk does not begin where the upload ends', {
        expectedOffset: offset,
        offset: this.start,
      });
    }
  }

  /** @throws {SizeInvalid} if other than the announced number of bytes came */
  requireLength(actual: number): void {
    if (this.length !== undefined && this.length !== actual) {
      throw new SizeInvalid('the body does not have the length that was announced', {
        announced: this.length,
        received: actual,
      });
    }
  }
}

export interface UploadBodyOptions {
  readonly algorithm: DigestAlgorithm;
  /** The hash of the bytes that are there, if this process has it. */
  readonly running: RunningHash | undefined;
  /** The hash of the bytes that are there, if it shall go on elsewhere. Takes the place of `running`. */
  readonly traveling?: TravelingHash | undefined;
  /** The digest of the bytes that are there, if the state tells it. */
  readonly digestSoFar: Digest | undefined;
  /** Most bytes of all, those that are there included. */
  readonly maximumSize: number;
}

/** What is known of the bytes of an upload without reading them again. */
export interface Hashed {
  readonly digest: Digest | undefined;
  /** To go on with in another process. */
  readonly hash: SavedHash | undefined;
}

/** Bytes on their way into an upload, hashed as they pass wherever the bytes before them were. */
export class UploadBody {
  readonly running: RunningHash | undefined;
  readonly #traveling: TravelingHash | undefined;
  readonly #algorithm: DigestAlgorithm;
  readonly #maximumSize: number;
  #digestSoFar: Digest | undefined;

  constructor(
    private readonly writer: PartWriter,
    options: UploadBodyOptions,
  ) {
    const { algorithm, traveling } = options;
    const fresh = () =>
      writer.size === 0 ? { algorithm, hash: createHash(algorithm) } : undefined;
    this.running = traveling === undefined ? (options.running ?? fresh()) : undefined;
    this.#traveling = traveling;
    this.#algorithm = algorithm;
    this.#digestSoFar = options.digestSoFar;
    this.#maximumSize = options.maximumSize;
  }

  /** @throws {BlobTooLarge} before anything is read if the request says how long it is */
  async take(chunk: {
    readonly bytes: AsyncIterable<Uint8Array>;
    readonly length: BodyLength;
  }): Promise<void> {
    const before = this.writer.size;
    try {
      this.#requireRoom(chunk.length.length ?? 0);
      for await (const bytes of chunk.bytes) {
        this.#requireRoom(bytes.length);
        // Before they are the writer's, which gives their memory back when it likes.
        const copied = this.#traveling?.update(bytes);
        if (copied !== undefined) await copied;
        const written = this.writer.write(bytes);
        this.running?.hash.update(bytes);
        if (written !== undefined) await written;
      }
      const taken = this.writer.size - before;
      chunk.length.requireLength(taken);
      if (taken > 0) this.#digestSoFar = undefined;
    } catch (error) {
      this.#traveling?.drop();
      throw error;
    }
  }

  #requireRoom(bytes: number): void {
    if (this.writer.size + bytes > this.#maximumSize) throw new BlobTooLarge(this.#maximumSize);
  }

  /** Ends the hash. Of all bytes of the upload; no digest when those before this body were not hashed here. */
  async hashed(): Promise<Hashed> {
    if (this.#traveling !== undefined) {
      const algorithm = this.#algorithm;
      const soFar = await this.#traveling.finish();
      return {
        digest: soFar ? Digest.parse(`${algorithm}:${soFar.hex}`) : this.#digestSoFar,
        hash: soFar && { algorithm, saved: soFar.saved },
      };
    }
    const { running } = this;
    const digest =
      this.#digestSoFar ?? (running && Digest.from(running.hash.copy(), running.algorithm));
    return { digest, hash: undefined };
  }

  async readAgain(algorithm: DigestAlgorithm): Promise<Digest> {
    const hash = createHash(algorithm);
    for await (const bytes of this.writer.read()) hash.update(bytes);
    return Digest.from(hash, algorithm);
  }
}
