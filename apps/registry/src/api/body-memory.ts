import { TooManyRequests } from '#oci/errors.js';

export interface BodyMemoryLimits {
  /** How many bodies may wait for room. */
  readonly waiting: number;
  /** How long one may wait, in milliseconds; its client has given up by then. */
  readonly patience: number;
  /** How long a body may make no progress while others wait, in milliseconds. */
  readonly grace: number;
}

const standardLimits: BodyMemoryLimits = { waiting: 64, patience: 10_000, grace: 2000 };

/** How often those who wait are looked after, in milliseconds. */
const lookEvery = 250;

interface Waiting {
  readonly share: BodyShare;
  readonly bytes: number;
  readonly since: number;
  readonly granted: () => void;
}

/**
 * Bytes of bodies that one process may hold at once. Who finds no room waits for it in turn. Meanwhile the body that has made no
 * progress for longest is refused, if that is longer than the grace: whoever sends slowly loses to whoever does not.
 */
export class BodyMemory {
  /** With bytes, room, and more to come from the client; longest without progress first. */
  readonly #receiving = new Set<BodyShare>();
  #waiting: Waiting[] = [];
  #used = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly bytes: number,
    private readonly limits: BodyMemoryLimits = standardLimits,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Bytes that are held. */
  get used(): number {
    return this.#used;
  }

  /** @param refuse is told when the body must go; it ends the share at once */
  open(refuse: (error: TooManyRequests) => void): BodyShare {
    return new BodyShare(this, refuse);
  }

  /** Gives a share so many bytes more: at once, later, or never if it is refused first. */
  take(share: BodyShare, bytes: number, granted: () => void): void {
    if (this.#waiting.length === 0 && this.#used + bytes <= this.bytes) {
      this.#grant(share, bytes);
      granted();
    } else if (this.#waiting.length >= this.limits.waiting) {
      this.#refuse(share, 'too many wait already');
    } else {
      // It waits for us now, not for its client: for as long as all who wait.
      this.#receiving.delete(share);
      this.#waiting.push({ share, bytes, since: this.now(), granted });
      this.#timer ??= setInterval(() => this.look(), lookEvery).unref();
      this.look();
    }
  }

  moved(share: BodyShare): void {
    if (!this.#receiving.delete(share)) return;
    share.movedAt = this.now();
    this.#receiving.add(share);
  }

  settle(share: BodyShare): void {
    this.#receiving.delete(share);
  }

  shrink(share: BodyShare, bytes: number): void {
    this.#used -= share.bytes - bytes;
    share.bytes = bytes;
    this.#serve();
  }

  end(share: BodyShare): void {
    this.#receiving.delete(share);
    this.#waiting = this.#waiting.filter((each) => each.share !== share);
    this.shrink(share, 0);
  }

  /** One round; the timer's, and the tests'. */
  look(): void {
    const now = this.now();
    for (const one of this.#waiting) {
      // Those before it may have left it their room.
      const waits = this.#waiting.includes(one);
      if (waits && now - one.since >= this.limits.patience) {
        this.#refuse(one.share, 'it waited too long');
      }
    }
    for (const share of this.#receiving) {
      if (this.#waiting.length === 0 || now - share.movedAt < this.limits.grace) break;
      this.#refuse(share, 'it came too slowly while others waited');
    }
  }

  #serve(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (this.#used + first.bytes > this.bytes) return;
      this.#waiting.shift();
      this.#grant(first.share, first.bytes);
      first.granted();
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #grant(share: BodyShare, bytes: number): void {
    this.#used += bytes;
    share.bytes += bytes;
    share.movedAt = this.now();
    this.#receiving.delete(share);
    this.#receiving.add(share);
  }

  #refuse(share: BodyShare, reason: string): void {
    this.#receiving.delete(share);
    share.refuse(
      new TooManyRequests('too many manifests at once: try again in a few seconds', { reason }),
    );
  }
}

/** What one body holds of a memory. */
export class BodyShare {
  bytes = 0;
  /** When it last made progress. */
  movedAt = 0;

  constructor(
    private readonly memory: BodyMemory,
    readonly refuse: (error: TooManyRequests) => void,
  ) {}

  /** Asks for so many bytes more: `granted` is called at once, later, or never if the share is refused first. */
  take(bytes: number, granted: () => void): void {
    this.memory.take(this, bytes, granted);
  }

  /** More of the body has come. */
  moved(): void {
    this.memory.moved(this);
  }

  /** Its client owes nothing now, so that the share cannot be refused any more. */
  settle(): void {
    this.memory.settle(this);
  }

  /** Keeps so many bytes, and gives the others back. */
  shrink(bytes: number): void {
    this.memory.shrink(this, bytes);
  }

  /** Gives all back. */
  end(): void {
    this.memory.end(this);
  }
}
