import type { StoredFile } from '../storage-driver.js';
import {
  type ClaimPurpose,
  PartsClaimed,
  PartWriter,
  SessionEnded,
  UploadArea,
  type UploadedParts,
} from '../upload-area.js';

/** Bytes that were finished, and who goes on with them. */
interface Line {
  readonly session: string;
  readonly token: string;
  readonly size: number;
  readonly open: boolean;
  readonly chunks: readonly Uint8Array[];
  /** By its last byte, for as long as it is open. */
  touchedAt: number;
}

export class MemoryUploadArea extends UploadArea {
  readonly minimumPartSize = 0;
  readonly #lines = new Map<string, Line>();
  readonly #ended = new Map<string, number>();
  #tokens = 0;

  constructor(
    private readonly writeAll: (files: readonly StoredFile[]) => void,
    private readonly now: () => number,
  ) {
    super();
  }

  async claim(
    session: string,
    parts: UploadedParts | undefined,
    { newborn = false }: ClaimPurpose = {},
  ): Promise<PartWriter> {
    if (parts === undefined) {
      const found = await this.find(session);
      if (!newborn && found !== undefined && !found.claimed && found.parts.size > 0) {
        throw new PartsClaimed(session);
      }
      return this.#write(session, undefined);
    }
    const line = this.#lines.get(parts.token);
    if (line?.session !== session || line.open || line.size !== parts.size) {
      throw this.#lost(session);
    }
    this.#lines.delete(line.token);
    return this.#write(session, line, line);
  }

  async recover(session: string, parts: UploadedParts): Promise<PartWriter> {
    if (parts.size === 0) return this.#write(session, undefined);
    const line = this.#lines.get(parts.token);
    if (line?.session !== session) throw this.#lost(session);
    return this.#write(session, line);
  }

  async find(session: string) {
    if (this.#ended.has(session)) throw new SessionEnded(session);
    const [longest] = Array.from(this.#lines.values())
      .filter((line) => line.session === session)
      .sort((a, b) => Number(a.open) - Number(b.open) || b.size - a.size);
    return (
      longest && { parts: { size: longest.size, token: longest.token }, claimed: longest.open }
    );
  }

  async end(session: string): Promise<void> {
    this.#ended.set(session, this.now());
    for (const line of this.#lines.values()) {
      if (line.session === session) this.#lines.delete(line.token);
    }
  }

  async *sweep(before: number, { dryRun }: { dryRun: boolean }): AsyncIterable<string> {
    for (const { token, session, touchedAt } of this.#lines.values()) {
      if (touchedAt >= before) continue;
      if (!dryRun) this.#lines.delete(token);
      yield `${session}.${token}`;
    }
    for (const [session, endedAt] of this.#ended) {
      if (endedAt >= before) continue;
      if (!dryRun) this.#ended.delete(session);
      yield `${session}.ended`;
    }
  }

  /** A writer that begins with the bytes of `from`. When it gives up, `claimed` is there again. */
  #write(session: string, from: Line | undefined, claimed?: Line): PartWriter {
    const line: Line = {
      session,
      token: String(++this.#tokens),
      size: from?.size ?? 0,
      open: true,
      chunks: from?.chunks ?? [],
      touchedAt: this.now(),
    };
    this.#lines.set(line.token, line);
    const take = () => {
      if (!this.#lines.delete(line.token)) throw this.#lost(session);
      if (claimed === undefined && from !== undefined) this.#lines.delete(from.token);
    };
    return new MemoryPartWriter(line, {
      touch: () => {
        line.touchedAt = this.now();
      },
      finish: (chunks, size) => {
        take();
        this.#lines.set(line.token, { ...line, chunks, size, open: false, touchedAt: this.now() });
      },
      commit: (files) => {
        take();
        this.writeAll(files);
      },
      abandon: () => {
        if (this.#lines.delete(line.token) && claimed) {
          this.#lines.set(claimed.token, { ...claimed, touchedAt: this.now() });
        }
      },
    });
  }

  #lost(session: string): Error {
    return this.#ended.has(session) ? new SessionEnded(session) : new PartsClaimed(session);
  }
}

interface Outcomes {
  readonly touch: () => void;
  readonly finish: (chunks: readonly Uint8Array[], size: number) => void;
  readonly commit: (files: readonly StoredFile[]) => void;
  readonly abandon: () => void;
}

class MemoryPartWriter extends PartWriter {
  #size: number;
  #ended = false;
  readonly #chunks: Uint8Array[];

  constructor(
    private readonly line: Line,
    private readonly outcomes: Outcomes,
  ) {
    super();
    this.#size = line.size;
    this.#chunks = [...line.chunks];
  }

  get size(): number {
    return this.#size;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#ended) return Promise.reject(new Error('this part of the upload has ended'));
    this.#chunks.push(Uint8Array.from(chunk));
    this.#size += chunk.length;
    this.outcomes.touch();
    return undefined;
  }

  async *read(): AsyncIterable<Uint8Array> {
    yield* this.#chunks;
  }

  async finish(): Promise<UploadedParts> {
    this.#ended = true;
    this.outcomes.finish(this.#chunks, this.#size);
    return { size: this.#size, token: this.line.token };
  }

  async commit(path: string, files: readonly StoredFile[]): Promise<void> {
    this.#ended = true;
    this.outcomes.commit([{ path, content: Buffer.concat(this.#chunks) }, ...files]);
  }

  async abandon(): Promise<void> {
    this.#ended = true;
    this.outcomes.abandon();
  }
}
