import { SessionEnded } from '../upload-area.js';
import { ObjectNotFound, type ObjectStore, type StoredObject } from './object-store.js';
import type { Part } from './upload-parts.js';
import { endOf, uploadedParts } from './upload-parts.js';

export const uploadsPrefix = 'holdfast/v1/uploads/';

/** In the place of a writer: there is none before the first part. */
const nobody = 'first';

const partName =
  /^(?<base>[0-9a-f]{16})(?:-(?<writer>[0-9a-f]{16})-(?<previous>[0-9a-f]{16}|first))?$/;

interface FoundPart extends Part {
  readonly previous: string | undefined;
}

/**
 * The names of a session's objects:
 *
 *     holdfast/v1/uploads/<session>/
 *     ├── <base>                         a part, where the store lets only one writer create it
 *     ├── <base>-<writer>-<previous>     a part, where it does not: lines of parts may fork, and each names the one before
 *     ├── <base>-<writer>                bytes that came with a commit, until it is done
 *     └── ended                          the session was cancelled
 *
 * `<base>` is the offset of the first byte.
 */
export class SessionNames {
  readonly prefix: string;

  constructor(
    readonly session: string,
    private readonly onePerBase: boolean,
  ) {
    this.prefix = `${uploadsPrefix}${session}/`;
  }

  get ended(): string {
    return `${this.prefix}ended`;
  }

  /** @throws {SessionEnded} */
  async requireOpen(store: ObjectStore): Promise<void> {
    try {
      await store.head(this.ended);
    } catch (error) {
      if (error instanceof ObjectNotFound) return;
      throw error;
    }
    throw new SessionEnded(this.session);
  }

  /** Of the part that follows others. */
  next(parts: readonly Part[], writer: string): { key: string; writer: string | undefined } {
    const base = hex(endOf(parts));
    if (this.onePerBase) return { key: `${this.prefix}${base}`, writer: undefined };
    const previous = parts.at(-1)?.writer ?? nobody;
    return { key: `${this.prefix}${base}-${writer}-${previous}`, writer };
  }

  /** Of bytes that are committed with the parts. */
  committed(parts: readonly Part[], writer: string): string {
    return `${this.prefix}${hex(endOf(parts))}-${writer}`;
  }

  keysOf(parts: readonly Part[]): string[] {
    return parts.map(({ base, writer }, index) =>
      writer === undefined
        ? `${this.prefix}${hex(base)}`
        : `${this.prefix}${hex(base)}-${writer}-${parts[index - 1]?.writer ?? nobody}`,
    );
  }

  async list(store: ObjectStore): Promise<SessionObjects> {
    const objects: StoredObject[] = [];
    for (let next: string | undefined; ;) {
      const page = await store.list(this.prefix, { next });
      objects.push(...page.objects);
      if (page.next === undefined) break;
      ({ next } = page);
    }
    return new SessionObjects(this, objects, this.onePerBase);
  }
}

/** What one list of a session found. */
export class SessionObjects {
  readonly ended: boolean;
  readonly keys: readonly string[];
  readonly #parts: readonly FoundPart[];

  constructor(
    names: SessionNames,
    objects: readonly StoredObject[],
    private readonly onePerBase: boolean,
  ) {
    this.keys = objects.map(({ key }) => key);
    this.ended = this.keys.includes(names.ended);
    this.#parts = objects.flatMap((object) => {
      const found = partName.exec(object.key.slice(names.prefix.length))?.groups;
      const { size, version } = object;
      if (found === undefined || size === 0) return [];
      const { base = '', writer, previous } = found;
      if ((writer === undefined) !== onePerBase) return [];
      return [{ base: Number.parseInt(base, 16), size, version, writer, previous }];
    });
  }

  /** The longest line of finished parts. */
  longest(): readonly Part[] {
    if (this.onePerBase) return this.#onlyLine();
    return this.#lines().reduce((one, other) => (endOf(other) > endOf(one) ? other : one), []);
  }

  /** The line that a token speaks of, if it is there and nobody has gone on from it. */
  lineOf({ size, token }: { size: number; token: string }): readonly Part[] | undefined {
    const lines = this.onePerBase ? [this.#onlyLine()] : this.#lines();
    return lines.find((line) => endOf(line) === size && uploadedParts(line).token === token);
  }

  #onlyLine(): readonly Part[] {
    const byBase = new Map(this.#parts.map((part) => [part.base, part]));
    const line: Part[] = [];
    for (let part = byBase.get(0); part !== undefined; part = byBase.get(endOf(line))) {
      line.push(part);
    }
    return line;
  }

  /** Each from its last part, which no other part names. */
  #lines(): readonly (readonly Part[])[] {
    const byWriter = new Map(this.#parts.map((part) => [part.writer, part]));
    const continued = new Set(this.#parts.map(({ previous }) => previous));
    return this.#parts.flatMap((last) => {
      if (continued.has(last.writer)) return [];
      const line = [last];
      for (let part = last; part.previous !== nobody;) {
        const before = byWriter.get(part.previous);
        if (before === undefined || before.base + before.size !== part.base) return [];
        line.unshift(before);
        part = before;
      }
      return line[0]?.base === 0 ? [line] : [];
    });
  }
}

function hex(offset: number): string {
  return offset.toString(16).padStart(16, '0');
}
