import { createHash, randomUUID } from 'node:crypto';

import {
  ConditionFailed,
  type DraftPiece,
  type ListRequest,
  type ObjectBody,
  type ObjectDraft,
  ObjectNotFound,
  type ObjectPage,
  type StoredObject,
} from '../bucket/object-store.js';
import { sideBySide } from '../bucket/side-by-side.js';
import { type Component, GcsCompose } from './gcs-compose.js';
import type { GcsObject } from './gcs-objects.js';
import type { GcsWrites } from './gcs-writes.js';

/** Where pieces, and what lies between, are until they are an object. */
const drafts = 'holdfast/v1/drafts/';
const empty: ObjectBody = { size: 0, open: () => Buffer.alloc(0) };

interface Keys {
  readonly nameOf: (key: string) => string;
  readonly list: (prefix: string, request: ListRequest) => Promise<ObjectPage>;
}

/** Pieces are objects in a folder of the writer's own; together they are composed to one. */
export class GcsDrafts {
  readonly #compose: GcsCompose;

  constructor(
    private readonly writes: GcsWrites,
    private readonly keys: Keys,
  ) {
    this.#compose = new GcsCompose(writes);
  }

  begin(key: string, writer: string): ObjectDraft {
    return { key, writer, id: createHash('sha256').update(writer).digest('hex') };
  }

  async add(draft: ObjectDraft, number: number, body: ObjectBody): Promise<DraftPiece> {
    const token = await this.writes.put(this.#pieceName(draft, number), body, 'always');
    return { number, size: body.size, token };
  }

  async complete(
    draft: ObjectDraft,
    pieces: readonly DraftPiece[],
    condition: 'always' | 'absent',
  ): Promise<string> {
    const name = this.keys.nameOf(draft.key);
    const { writer } = draft;
    const sources = pieces
      .filter(({ size }) => size > 0)
      .map(({ number, token }) => ({ name: this.#pieceName(draft, number), version: token }));
    const version =
      sources.length === 0
        ? await this.writes.put(name, empty, condition, writer)
        : await this.#composePieces(draft, sources, name, condition);
    // What stays behind is swept.
    const names = pieces.map(({ number }) => this.#pieceName(draft, number));
    await this.writes.removeAll(names).catch(() => undefined);
    return version;
  }

  async discard(draft: ObjectDraft): Promise<void> {
    for (let page: ObjectPage; ;) {
      page = await this.keys.list(`${drafts}${draft.id}/`, {});
      await this.#removeKeys(page.objects.map(({ key }) => key));
      if (page.next === undefined) return;
    }
  }

  async join(sources: readonly Omit<StoredObject, 'modifiedAt'>[], key: string): Promise<void> {
    const name = this.keys.nameOf(key);
    const componentOf = (source: (typeof sources)[0]) => ({
      name: this.keys.nameOf(source.key),
      version: source.version,
    });
    const filled = sources.filter(({ size }) => size > 0);
    const hollow = sources.filter(({ size }) => size === 0);
    await sideBySide(hollow, 8, (source) => this.#check(componentOf(source)));
    const folder = this.keys.nameOf(`${drafts}${randomUUID()}/`);
    if (filled.length === 0) await this.writes.put(name, empty, 'always');
    else await this.#compose.run(filled.map(componentOf), name, { folder });
  }

  async *sweep(before: number, { dryRun }: { readonly dryRun: boolean }): AsyncIterable<string> {
    let folder: string | undefined;
    let objects: StoredObject[] = [];
    const isOver = () => objects.every(({ modifiedAt }) => modifiedAt < before);
    for await (const object of this.#all()) {
      const itsFolder = object.key.slice(0, object.key.lastIndexOf('/') + 1);
      if (folder !== undefined && itsFolder !== folder) {
        if (isOver()) yield await this.#sweepFolder(folder, objects, dryRun);
        objects = [];
      }
      folder = itsFolder;
      objects.push(object);
    }
    if (folder !== undefined && isOver()) yield await this.#sweepFolder(folder, objects, dryRun);
  }

  async *#all(): AsyncIterable<StoredObject> {
    let next: string | undefined;
    do {
      const page: ObjectPage = await this.keys.list(drafts, { next });
      yield* page.objects;
      ({ next } = page);
    } while (next !== undefined);
  }

  async #sweepFolder(
    folder: string,
    objects: readonly StoredObject[],
    dryRun: boolean,
  ): Promise<string> {
    if (!dryRun) await this.#removeKeys(objects.map(({ key }) => key));
    return folder;
  }

  async #composePieces(
    draft: ObjectDraft,
    sources: readonly Component[],
    name: string,
    condition: 'always' | 'absent',
  ): Promise<string> {
    const folder = this.keys.nameOf(`${drafts}${draft.id}/`);
    try {
      return await this.#compose.run(sources, name, { folder, condition, writer: draft.writer });
    } catch (error) {
      if (!(error instanceof ObjectNotFound) && !(error instanceof ConditionFailed)) throw error;
      // It may be a piece that is gone, because this draft was completed before, or what lay between.
      const own = await this.writes.calls.run('objects.get', name, (attempt) =>
        this.writes.versionBy(name, draft.writer, attempt),
      );
      if (own === undefined) throw error;
      return own;
    }
  }

  async #check({ name, version }: Component): Promise<void> {
    const { calls } = this.writes;
    const path = calls.pathOf(name, { ifGenerationMatch: version, fields: 'generation' });
    const { generation } = await calls.run('objects.get', name, (attempt) =>
      calls.json<GcsObject>({ path }, attempt),
    );
    if (generation !== version) throw new ConditionFailed(name);
  }

  #pieceName({ id }: ObjectDraft, number: number): string {
    return this.keys.nameOf(`${drafts}${id}/${String(number).padStart(6, '0')}`);
  }

  async #removeKeys(keys: readonly string[]): Promise<void> {
    await this.writes.removeAll(keys.map((key) => this.keys.nameOf(key)));
  }
}
