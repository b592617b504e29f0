import type { IncomingMessage } from 'node:http';

import { ManifestInvalid } from '#oci/errors.js';

import { BodyMemory, type BodyShare } from './body-memory.js';
import { ManifestTooLarge } from './errors.js';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Nearly every manifest is smaller. What is known to be never waits for a larger one. */
const mostOfSmall = 64 * KiB;

/** So much room a body has at first; then twice as much each time, so that whoever sends little holds little. */
const leastRoom = KiB;

/** Where a process counts the bytes of the manifests that it is sent. */
export class ManifestMemory {
  readonly small = new BodyMemory(8 * MiB);
  /** The beginnings of larger ones: only who has sent so much is given room for the rest. */
  readonly begun = new BodyMemory(4 * MiB);
  readonly large = new BodyMemory(32 * MiB);

  get used(): number {
    return this.small.used + this.begun.used + this.large.used;
  }
}

export type ManifestRequest = Pick<
  IncomingMessage,
  'headers' | 'destroyed' | 'on' | 'once' | 'off' | 'pause' | 'resume'
>;

/** Manifests as they come: the only bodies that are held whole. */
export class ManifestBodies {
  constructor(
    private readonly limit: number,
    private readonly memory = new ManifestMemory(),
  ) {}

  /**
   * Reads a body, and holds it for as long as `use` takes.
   * @throws {ManifestTooLarge} as soon as more than the limit was announced or came
   * @throws {TooManyRequests} if there is no room for it, or it came so slowly that others had to wait
   * @throws {ManifestInvalid} if it did not come whole
   */
  async receive<T>(request: ManifestRequest, use: (body: Buffer) => Promise<T>): Promise<T> {
    const length = request.headers['content-length'];
    const announced = length === undefined ? undefined : Number(length);
    if (announced !== undefined && announced > this.limit) throw new ManifestTooLarge(this.limit);
    const body = new ManifestBody(request, this.memory, { announced, limit: this.limit });
    try {
      return await use(await body.received);
    } finally {
      body.release();
    }
  }
}

interface Lengths {
  readonly announced: number | undefined;
  readonly limit: number;
}

class ManifestBody {
  readonly received: Promise<Buffer>;
  readonly #resolve: (body: Buffer) => void;
  readonly #reject: (error: Error) => void;
  /** Of the memory for small ones, or for beginnings. */
  readonly #beginning: BodyShare;
  #whole: BodyShare | undefined;
  #room = Buffer.alloc(0);
  #size = 0;
  #sizeMoved = 0;

  constructor(
    private readonly request: ManifestRequest,
    private readonly memory: ManifestMemory,
    private readonly lengths: Lengths,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.received = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    const isSmall = (lengths.announced ?? Infinity) <= mostOfSmall;
    this.#beginning = (isSmall ? memory.small : memory.begun).open(this.#fail);
    request.once('error', this.#onCut).once('close', this.#onCut);
    if (request.destroyed) this.#onCut();
    else request.on('data', this.#onData).once('end', this.#onEnd);
  }

  release(): void {
    this.#beginning.end();
    this.#whole?.end();
  }

  readonly #onData = (chunk: Buffer): void => {
    const size = this.#size + chunk.length;
    if (size > this.lengths.limit) return this.#fail(new ManifestTooLarge(this.lengths.limit));
    if (size <= this.#room.length) return this.#add(chunk);
    let waits = true;
    this.#makeRoom(size, () => {
      waits = false;
      this.#add(chunk);
      this.request.resume();
    });
    if (waits) this.request.pause();
  };

  #add(chunk: Buffer): void {
    chunk.copy(this.#room, this.#size);
    this.#size += chunk.length;
    if (this.#size - this.#sizeMoved < mostOfSmall) return;
    this.#sizeMoved = this.#size;
    this.#whole?.moved();
  }

  #makeRoom(size: number, then: () => void): void {
    if (size <= mostOfSmall) {
      const room = this.#roomFor(size);
      this.#beginning.take(room - this.#room.length, () => {
        this.#enlarge(room);
        then();
      });
      return;
    }
    // It waits for us now, not for its client.
    this.#beginning.settle();
    // Room for all that can come: who had some of it might never end.
    const { announced = 0, limit } = this.lengths;
    const room = size <= announced ? announced : limit;
    this.#whole ??= this.memory.large.open(this.#fail);
    this.#whole.take(room - this.#whole.bytes, () => {
      this.#enlarge(room);
      this.#beginning.end();
      then();
    });
  }

  #roomFor(size: number): number {
    const twice = 2 ** Math.ceil(Math.log2(Math.max(size, leastRoom)));
    const { announced = 0 } = this.lengths;
    return size <= announced ? Math.min(twice, announced, mostOfSmall) : twice;
  }

  #enlarge(room: number): void {
    // What is not written to takes no memory yet.
    const enlarged = Buffer.allocUnsafeSlow(room);
    this.#room.copy(enlarged, 0, 0, this.#size);
    this.#room = enlarged;
  }

  readonly #onEnd = (): void => {
    this.#leave();
    const share = this.#whole ?? this.#beginning;
    share.settle();
    if (this.#size < this.#room.length) {
      this.#room = Buffer.from(this.#room.subarray(0, this.#size));
      share.shrink(this.#size);
    }
    this.#resolve(this.#room);
  };

  readonly #onCut = (cause?: unknown): void => {
    this.#fail(new ManifestInvalid('the manifest did not arrive whole', undefined, { cause }));
  };

  readonly #fail = (error: Error): void => {
    this.#leave();
    // What still comes is for the answer's sake thrown away, not the connection.
    this.request.pause();
    this.#room = Buffer.alloc(0);
    this.release();
    this.#reject(error);
  };

  #leave(): void {
    this.request.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onCut);
    // It stays: an error that nobody hears would end the process.
    this.request.off('error', this.#onCut).on('error', () => undefined);
  }
}
