import { z } from 'zod';

import { ConditionFailed, ObjectNotFound } from '../bucket/object-store.js';
import { StorageUnavailable } from '../storage-driver.js';
import {
  largeEtag,
  lengthOf,
  parseSegments,
  type Segment,
  writtenSegments,
} from './manifest-segments.js';
import { answeredKind, versionOf } from './object-version.js';
import type { SwiftAttempt, SwiftClient } from './swift-client.js';
import { leave, type SwiftAnswer, UnexpectedAnswer } from './swift-http.js';
import type { SwiftNames } from './swift-names.js';
import {
  checkWritten,
  onlyWhereNothingIs,
  type SwiftObjects,
  writerHeader,
} from './swift-objects.js';

/** What a large object is made of. */
export interface Manifest {
  readonly version: string;
  /** Of nested manifests too, in the order of the bytes. */
  readonly segments: readonly Segment[];
  /** The nested manifests, in full. */
  readonly nested: readonly string[];
}

const refusal = z.object({ Errors: z.array(z.tuple([z.string(), z.string()])) });

/** Static large objects: manifests that name their pieces. */
export class SwiftManifests {
  constructor(
    private readonly client: SwiftClient,
    private readonly names: SwiftNames,
    private readonly objects: SwiftObjects,
    private readonly most: () => number,
  ) {}

  /** @param name in the container; undefined where there is none, or something else than a manifest */
  async read(name: string): Promise<Manifest | undefined> {
    const top = await this.client.run('read manifest', (attempt) => this.#content(attempt, name));
    if (top === undefined) return undefined;
    const parts = await Promise.all(
      top.map(async (segment): Promise<Pick<Manifest, 'segments' | 'nested'>> => {
        const inner = segment.nested === true ? this.names.ownName(segment.path) : undefined;
        const below = inner === undefined ? undefined : await this.read(inner);
        if (below === undefined) return { segments: [segment], nested: [] };
        // A part of a nested one is taken as it is named, not taken apart.
        const segments = segment.range === undefined ? below.segments : [segment];
        return { segments, nested: [segment.path, ...below.nested] };
      }),
    );
    return {
      version: versionOf('static', largeEtag(top)),
      segments: parts.flatMap(({ segments }) => segments),
      nested: parts.flatMap(({ nested }) => nested),
    };
  }

  /**
   * Makes a large object of segments. More than one manifest may name become manifests of their own, in `folder`.
   * @param writer is kept with it; a call that is repeated with the same one finds its earlier success
   * @throws {ConditionFailed} where `absent` is asked for and something is there, or a segment has changed
   * @throws {ObjectNotFound} if a segment is gone
   */
  async write(
    key: string,
    segments: readonly Segment[],
    options: { readonly writer: string; readonly absent?: boolean; readonly folder: () => string },
  ): Promise<string> {
    const top = await this.#nest(segments, options);
    const headers = options.absent === true ? onlyWhereNothingIs(options.writer) : {};
    const name = this.names.ofKey(key);
    const version = await this.#put(name, top, { ...headers, [writerHeader]: options.writer });
    if (version !== undefined) return version;
    const own = await this.objects.writtenBy(key, options.writer);
    if (own === undefined) throw new ConditionFailed(key);
    return own;
  }

  async #nest(
    segments: readonly Segment[],
    options: { readonly writer: string; readonly folder: () => string },
  ): Promise<readonly Segment[]> {
    const most = this.most();
    if (segments.length <= most) return segments;
    const groups = Array.from({ length: Math.ceil(segments.length / most) }, (_, index) =>
      segments.slice(index * most, (index + 1) * most),
    );
    const folder = options.folder();
    const nested: Segment[] = [];
    for (const [index, group] of groups.entries()) {
      const name = this.names.inFolder(
        folder,
        `nested-${groups.length}-${String(index).padStart(8, '0')}`,
      );
      await this.#put(name, group, { [writerHeader]: options.writer });
      nested.push({
        path: this.names.full(name),
        etag: largeEtag(group),
        size: group.reduce((sum, segment) => sum + lengthOf(segment), 0),
        nested: true,
      });
    }
    return this.#nest(nested, options);
  }

  /** @returns undefined if the headers have a condition and it is not met */
  async #put(
    name: string,
    segments: readonly Segment[],
    headers: Record<string, string>,
  ): Promise<string | undefined> {
    const etag = largeEtag(segments);
    return this.client.run('write manifest', async (attempt) => {
      // Swift looks at each segment before it answers.
      using _ = attempt.patience(segments.length * 200);
      const answer = await attempt.text({
        method: 'PUT',
        path: this.names.path(name),
        query: { 'multipart-manifest': 'put' },
        headers: {
          'content-type': 'application/octet-stream',
          accept: 'application/json',
          etag,
          ...headers,
        },
        body: writtenSegments(segments),
        expected: [400, 404, 412],
      });
      if (answer.status === 404) throw this.objects.noContainer();
      if (answer.status === 400) throw this.#refused(name, answer);
      if (answer.status === 412) return undefined;
      checkWritten(answer, etag);
      return versionOf('static', etag);
    });
  }

  #refused(name: string, answer: SwiftAnswer & { readonly content: string }): Error {
    const parsed = refusal.safeParse(json(answer.content));
    const problems = parsed.data?.Errors ?? [];
    const text = problems.map(([path, problem]) => `${path}: ${problem}`).join(', ');
    const find = (pattern: RegExp) => problems.find(([, problem]) => pattern.test(problem));
    const passing = find(/^5\d\d /);
    if (passing !== undefined) return new UnexpectedAnswer('PUT', 503, text);
    const gone = find(/^404 /);
    if (gone !== undefined) return new ObjectNotFound(gone[0]);
    const changed = find(/Mismatch/);
    if (changed !== undefined) return new ConditionFailed(changed[0]);
    return new StorageUnavailable(
      `Swift refuses the manifest of ${name}: ${text || answer.content.slice(0, 200)}`,
    );
  }

  async #content(attempt: SwiftAttempt, name: string): Promise<readonly Segment[] | undefined> {
    const answer = await attempt.call({
      method: 'GET',
      path: this.names.path(name),
      query: { 'multipart-manifest': 'get' },
      headers: { 'x-newest': 'true' },
      expected: [404],
    });
    if (answer.status === 404 || answeredKind(answer) !== 'static') {
      leave(answer);
      return undefined;
    }
    const segments = parseSegments(await answer.body.text());
    if (segments === undefined)
      throw new StorageUnavailable(`the manifest of ${name} cannot be read`);
    return segments;
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
