import { randomUUID } from 'node:crypto';

import { sideBySide } from '../bucket/side-by-side.js';
import { contentType, type GcsObject } from './gcs-objects.js';
import { type GcsWrites, versionIn } from './gcs-writes.js';

/** An object in the bucket. */
export interface Component {
  readonly name: string;
  readonly version: string;
}

export interface ComposeOptions {
  /** Folder for what lies between; ends with a slash. */
  readonly folder: string;
  readonly condition?: 'always' | 'absent';
  readonly writer?: string;
}

/** Most components of one call. */
const most = 32;
const callsAtOnce = 8;

/** Objects one after the other, made inside the bucket: a tree of calls where they are many. */
export class GcsCompose {
  constructor(private readonly writes: GcsWrites) {}

  /** The version of what was composed. What lies between is gone afterwards, unless this process dies. */
  async run(
    sources: readonly Component[],
    name: string,
    { folder, condition = 'always', writer }: ComposeOptions,
  ): Promise<string> {
    const between: string[] = [];
    try {
      let level = sources;
      while (level.length > most) level = await this.#level(level, folder, between);
      return await this.#call(level, name, condition, writer);
    } finally {
      // What stays behind is swept.
      await this.writes.removeAll(between).catch(() => undefined);
    }
  }

  async #level(
    sources: readonly Component[],
    folder: string,
    between: string[],
  ): Promise<readonly Component[]> {
    const groups = Array.from({ length: Math.ceil(sources.length / most) }, (_, index) =>
      sources.slice(index * most, (index + 1) * most),
    );
    return sideBySide(groups, callsAtOnce, async (group) => {
      const name = `${folder}between-${randomUUID()}`;
      between.push(name);
      return { name, version: await this.#call(group, name, 'always', undefined) };
    });
  }

  async #call(
    sources: readonly Component[],
    name: string,
    condition: 'always' | 'absent',
    writer: string | undefined,
  ): Promise<string> {
    const { calls } = this.writes;
    return this.writes.write(
      'objects.compose',
      name,
      condition,
      async (attempt, match, metadata) => {
        const bytes = Buffer.from(
          JSON.stringify({
            sourceObjects: sources.map((source) => ({
              name: source.name,
              objectPreconditions: { ifGenerationMatch: source.version },
            })),
            destination: { contentType, metadata },
          }),
        );
        const query = { ifGenerationMatch: match, fields: 'generation' };
        const { generation } = await calls.json<GcsObject>(
          {
            method: 'POST',
            path: calls.pathOf(name, query, '/compose'),
            headers: { 'content-type': 'application/json' },
            body: { size: bytes.length, parts: [bytes] },
          },
          attempt,
        );
        return versionIn(generation);
      },
      writer,
    );
  }
}
