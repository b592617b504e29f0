import type { StoredFile } from './stored-file.js';

/**
 * The finished bytes of an upload session, as the signed upload state carries them. `token` is the driver's own word for
 * where they are; it names its writer, so that no two writers ever name the same bytes.
 */
export interface UploadedParts {
  /** Bytes from the start of the blob. */
  readonly size: number;
  readonly token: string;
}

/** Another request has taken these parts, finished with them, or the session was ended ({@link SessionEnded}). */
export class PartsClaimed extends Error {
  override readonly name: string = 'PartsClaimed';
  constructor(
    readonly session: string,
    message = `the parts of upload session ${session} were claimed by another request`,
  ) {
    super(message);
  }
}

/** The session was cancelled, and its parts with it. */
export class SessionEnded extends PartsClaimed {
  override readonly name = 'SessionEnded';
  constructor(session: string) {
    super(session, `upload session ${session} was ended`);
  }
}

/** What a request is going to do with the line that it takes. */
export interface ClaimPurpose {
  /** This very request began the session, so that nobody else can have written to it. */
  readonly newborn?: boolean;
  /** It brings no bytes: it only commits what is there. */
  readonly complete?: boolean;
  /**
   * The path that the line is going to be committed to if its bytes turn out right: the digest was known before the first
   * of them. A back end that can write there without anybody seeing it before the commit saves itself a copy.
   */
  readonly destination?: string;
}

/**
 * Where uploads wait until they are committed. An upload is a line of parts, each written by exactly one request and
 * finished when that request ends: a late writer writes to what nobody names.
 *
 * Of several writers who go on with the same parts one gets them finished. Which one is settled when they claim where that
 * is an atomic step of the back end (a rename), else when they finish (a conditional write): the others meet
 * {@link PartsClaimed} there.
 */
export abstract class UploadArea {
  /** Bytes that every part but the last should have at least; 0 where any size will do. */
  abstract readonly minimumPartSize: number;

  /** What it costs to read again what was written: nothing much on a disk, every byte of it on a bucket. */
  readonly reReads: 'free' | 'costly' = 'free';

  /** Largest upload that the back end can hold, in bytes. */
  readonly maximumSize: number = Number.MAX_SAFE_INTEGER;

  /**
   * Takes the line that ends with `parts` for one writer; where undefined a new line.
   * @throws {PartsClaimed} if somebody else has taken it, or, for a new line, if the session has finished parts already
   * @throws {SessionEnded}
   */
  abstract claim(
    session: string,
    parts: UploadedParts | undefined,
    purpose?: ClaimPurpose,
  ): Promise<PartWriter>;

  /**
   * Begins a line of its own from the finished bytes of one whose writer is dead or does not answer. The bytes are copied,
   * so whatever that writer still does cannot reach them.
   * @throws {PartsClaimed} if they are gone
   * @throws {SessionEnded}
   */
  abstract recover(session: string, parts: UploadedParts): Promise<PartWriter>;

  /**
   * The longest finished line of a session, else the finished bytes of the longest unfinished one; undefined if it has none.
   * `claimed` tells that a writer has, or had when it died, the line, so that going on needs `recover`.
   * @throws {SessionEnded}
   */
  abstract find(
    session: string,
  ): Promise<{ readonly parts: UploadedParts; readonly claimed: boolean } | undefined>;

  /** Ends a session: its parts are removed and later calls throw {@link SessionEnded} until `sweep` forgets it. */
  abstract end(session: string): Promise<void>;

  /** Removes what no request has touched since `before` (milliseconds since 1970). Yields the path of each file removed. */
  abstract sweep(before: number, options: { dryRun: boolean }): AsyncIterable<string>;
}

/** One request's part. Exactly one of `finish`, `commit` and `abandon` ends it. */
export abstract class PartWriter {
  /** Bytes of the line so far, from the start of the blob. */
  abstract readonly size: number;

  /**
   * Appends. The chunk is the writer's from now on: it may give the memory back as soon as the bytes are written.
   * @returns a promise to wait for when the storage is slower than the writer, else undefined
   */
  abstract write(chunk: Uint8Array): Promise<void> | undefined;

  /** All bytes of the line, those of earlier parts included. */
  abstract read(): AsyncIterable<Uint8Array>;

  /**
   * Makes the bytes durable and findable: what the next request names.
   * @throws {PartsClaimed} if another request copied them and finished its copy, or the session was ended
   */
  abstract finish(): Promise<UploadedParts>;

  /**
   * Makes the line the content of `path`, then writes `files`; the session's own copy goes last. Durable when it resolves.
   * @throws {PartsClaimed} as `finish`; then nothing was written
   */
  abstract commit(path: string, files: readonly StoredFile[]): Promise<void>;

  /** Takes back what this request wrote; the line is as it was when it was claimed. */
  abstract abandon(): Promise<void>;
}
