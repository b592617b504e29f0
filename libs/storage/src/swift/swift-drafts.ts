import {
  ConditionFailed,
  type DraftPiece,
  type ObjectBody,
  type ObjectDraft,
  ObjectNotFound,
} from '../bucket/object-store.js';
import type { SwiftLists } from './swift-lists.js';
import type { SwiftManifests } from './swift-manifests.js';
import type { SwiftNames } from './swift-names.js';
import type { SwiftObjects } from './swift-objects.js';
import type { SwiftRemovals } from './swift-removals.js';

/** Large objects on their way: pieces in a folder of their own, which belong to the object once its manifest names them. */
export class SwiftDrafts {
  /** Folders whose manifest may be there: those are the sweeper's. */
  readonly #given = new Set<string>();

  constructor(
    private readonly names: SwiftNames,
    private readonly objects: SwiftObjects,
    private readonly manifests: SwiftManifests,
    private readonly lists: SwiftLists,
    private readonly removals: SwiftRemovals,
  ) {}

  begin(key: string, writer: string): ObjectDraft {
    return { key, writer, id: this.names.newFolder() };
  }

  async add(draft: ObjectDraft, number: number, body: ObjectBody): Promise<DraftPiece> {
    const token = await this.objects.write(this.#piece(draft, number), body);
    return { number, size: body.size, token };
  }

  async complete(
    draft: ObjectDraft,
    pieces: readonly DraftPiece[],
    condition: 'always' | 'absent',
  ): Promise<string> {
    const segments = pieces
      .filter(({ size }) => size > 0)
      .toSorted((one, other) => one.number - other.number)
      .map(({ number, size, token }) => ({
        path: this.names.full(this.#piece(draft, number)),
        etag: token,
        size,
      }));
    if (segments.length === 0) {
      return this.objects.put(draft.key, { size: 0, open: () => Buffer.alloc(0) }, condition);
    }
    this.#give(draft.id);
    try {
      return await this.manifests.write(draft.key, segments, {
        writer: draft.writer,
        absent: condition === 'absent',
        folder: () => draft.id,
      });
    } catch (error) {
      const refused = error instanceof ConditionFailed || error instanceof ObjectNotFound;
      if (refused) this.#given.delete(draft.id);
      throw error instanceof ObjectNotFound ? new ObjectNotFound(draft.key) : error;
    }
  }

  /** What a manifest names, or may name, stays. */
  async discard(draft: ObjectDraft): Promise<void> {
    if (this.#given.has(draft.id)) return;
    const names: string[] = [];
    for await (const { name } of this.lists.all(this.names.inFolder(draft.id, '')))
      names.push(name);
    await this.removals.removeNames(names);
  }

  #give(id: string): void {
    this.#given.add(id);
    if (this.#given.size <= mostRemembered) return;
    const [oldest = id] = this.#given;
    this.#given.delete(oldest);
  }

  #piece(draft: ObjectDraft, number: number): string {
    return this.names.inFolder(draft.id, String(number).padStart(8, '0'));
  }
}

/** Who discards does so soon. */
const mostRemembered = 10_000;
