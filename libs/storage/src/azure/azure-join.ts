import { randomUUID } from 'node:crypto';

import { ConditionFailed, ObjectNotFound, type StoredObject } from '../bucket/object-store.js';
import type { Attempt } from '../bucket/retries.js';
import { sideBySide } from '../bucket/side-by-side.js';
import { StorageUnavailable } from '../storage-driver.js';
import type { AzureAddresses } from './azure-addresses.js';
import { blockId, draftId } from './azure-blocks.js';
import { codeOf, isRestError } from './azure-errors.js';
import type { AzureNames } from './azure-names.js';
import { type AzureWrites, contentType, versionIn } from './azure-writes.js';

type Source = Omit<StoredObject, 'modifiedAt'>;

/** Largest source of a copy in one call, and what the service copies at a time otherwise. */
const largestCopy = 256 * 1024 * 1024;
const copiesAtOnce = 8;
/** Another join of the same key throws away what was staged, once each. */
const mostTurns = 20;

/** Blobs one after the other, by copies inside the account. */
export class AzureJoin {
  constructor(
    private readonly writes: AzureWrites,
    private readonly names: AzureNames,
    private readonly addresses: AzureAddresses,
  ) {}

  async run(sources: readonly Source[], key: string): Promise<void> {
    const filled = sources.filter(({ size }) => size > 0);
    await Promise.all(
      sources.filter(({ size }) => size === 0).map((source) => this.#check(source)),
    );
    const [first] = filled;
    if (first === undefined) {
      await this.writes.put(key, { size: 0, open: () => Buffer.alloc(0) }, 'always');
    } else if (filled.length === 1 && first.size <= largestCopy) await this.#copy(first, key);
    else await this.#stageAll(filled, key);
  }

  /** One call, and nobody sees a part of it. */
  async #copy(source: Source, key: string): Promise<void> {
    await this.writes.write('Copy Blob', key, 'always', async (attempt, conditions) =>
      withTime(attempt, async () => {
        const { url, authorization } = await this.#addressOf(source, attempt);
        const response = await this.writes
          .client(key)
          .syncCopyFromURL(url, {
            abortSignal: attempt.signal,
            conditions,
            sourceConditions: { ifMatch: source.version },
            ...(authorization && { sourceAuthorization: authorization }),
          })
          .catch((error: unknown) => {
            throw sourceError(error, source);
          });
        return versionIn(response);
      }),
    );
  }

  async #stageAll(sources: readonly Source[], key: string): Promise<void> {
    for (let turn = 1; ; turn++) {
      try {
        return await this.#stageOnce(sources, key);
      } catch (error) {
        const lost = codeOf((error as Error).cause) === 'InvalidBlockList';
        if (!lost) throw error;
        if (turn === mostTurns) {
          throw new StorageUnavailable(`others keep writing ${key}`, { cause: error });
        }
      }
    }
  }

  async #stageOnce(sources: readonly Source[], key: string): Promise<void> {
    const draft = draftId(randomUUID(), Date.now());
    const ranges = sources.flatMap((source) => rangesOf(source));
    const blocks = ranges.map((_, index) => blockId(draft, index + 1));
    await sideBySide(ranges, copiesAtOnce, (range, index) =>
      this.#stage(range, key, blocks[index] as string),
    );
    await this.writes.write(
      'Put Block List',
      key,
      'always',
      async ({ signal }, conditions, metadata) =>
        versionIn(
          await this.writes.client(key).commitBlockList(blocks, {
            abortSignal: signal,
            conditions,
            metadata,
            blobHTTPHeaders: { blobContentType: contentType },
          }),
        ),
      draft,
    );
  }

  async #stage({ source, offset, count }: Range, key: string, block: string): Promise<void> {
    await this.writes.write('Put Block From URL', key, 'always', async (attempt) =>
      withTime(attempt, async () => {
        const { url, authorization } = await this.#addressOf(source, attempt);
        // The SDK has no option for the version of the source.
        const container = this.writes.calls.account.withHeaders({
          'x-ms-source-if-match': source.version,
        });
        await container
          .getBlockBlobClient(this.names.of(key))
          .stageBlockFromURL(block, url, offset, count, {
            abortSignal: attempt.signal,
            ...(authorization && { sourceAuthorization: authorization }),
          })
          .catch((error: unknown) => {
            throw sourceError(error, source);
          });
        return '';
      }),
    );
  }

  async #check(source: Source): Promise<void> {
    await this.writes.calls.run('Get Blob Properties', source.key, ({ signal }) =>
      this.writes.client(source.key).getProperties({
        abortSignal: signal,
        conditions: { ifMatch: source.version },
      }),
    );
  }

  async #addressOf({ key }: Source, { signal }: Attempt) {
    return this.addresses.sourceOf(this.names.of(key), signal);
  }
}

interface Range {
  readonly source: Source;
  readonly offset: number;
  readonly count: number;
}

function rangesOf(source: Source): readonly Range[] {
  return Array.from({ length: Math.ceil(source.size / largestCopy) }, (_, index) => {
    const offset = index * largestCopy;
    return { source, offset, count: Math.min(largestCopy, source.size - offset) };
  });
}

/** The service answers for the source with codes of their own, or with the status that the source gave it. */
function sourceError(error: unknown, { key }: Source): unknown {
  if (!isRestError(error)) return error;
  const code = codeOf(error) ?? '';
  const ofSource = code === 'CannotVerifyCopySource' ? error.statusCode : undefined;
  if (code === 'BlobNotFound' || ofSource === 404) return new ObjectNotFound(key);
  const replaced = ['SourceConditionNotMet', 'ConditionNotMet'].includes(code) || ofSource === 412;
  return replaced ? new ConditionFailed(key) : error;
}

/** The service answers when it has copied, which takes it longer than other calls. */
async function withTime<T>(attempt: Attempt, action: () => Promise<T>): Promise<T> {
  let ticks = 0;
  const timer = setInterval(() => {
    if (++ticks <= 8) attempt.alive();
  }, 5000);
  try {
    return await action();
  } finally {
    clearInterval(timer);
  }
}
