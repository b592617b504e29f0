import type { Digest } from '#oci/digest.js';
import { ManifestUnknown } from '#oci/errors.js';
import { parseTag } from '#oci/reference.js';
import { parseRepositoryName } from '#oci/repository-name.js';
import { type StorageDriver, StorageUnavailable } from '#storage/storage-driver.js';

import { emptyConfig, TestRegistry } from './registry.js';
import { steppedDriver } from './stepped-driver.js';

/** What happens right before one of the calls that a request makes to the storage. */
type Meanwhile = readonly [atCall: number, act: (() => Promise<unknown>) | 'fails' | 'dies'];

/** One request of one process, in a repository of its own, and what another process does meanwhile. */
export class Race {
  readonly #name = parseRepositoryName(`race/${crypto.randomUUID()}`);
  /** How many calls the request made. */
  calls = 0;
  /** Whether the request made enough of them for all that was to happen meanwhile. */
  complete = false;

  private constructor(
    private readonly driver: StorageDriver,
    private readonly other: TestRegistry,
  ) {}

  static async on(driver: StorageDriver): Promise<Race> {
    const race = new Race(driver, await TestRegistry.on(driver));
    await race.other.pushBlob(race.#name, emptyConfig);
    return race;
  }

  push(manifest: object, ...tags: readonly string[]): Promise<Digest> {
    return this.other.pushManifest(this.#name, manifest, ...tags);
  }

  async remove(digest: Digest): Promise<void> {
    await this.other.manifests.delete(this.#name, digest).catch(unlessUnknown);
  }

  async hasManifest(digest: Digest): Promise<boolean> {
    const found = await this.other.manifests.get(this.#name, digest).catch(unlessUnknown);
    return found !== undefined;
  }

  async target(tag: string): Promise<Digest | undefined> {
    return this.other.tags.resolve(this.#name, parseTag(tag)).catch(unlessUnknown);
  }

  async mediaTypeOf(digest: Digest): Promise<string> {
    const fresh = await TestRegistry.on(this.driver);
    return (await fresh.manifests.get(this.#name, digest)).mediaType;
  }

  slowPush(manifest: object, tag: string, ...meanwhile: readonly Meanwhile[]): Promise<void> {
    return this.#run(meanwhile, (registry) => registry.pushManifest(this.#name, manifest, tag));
  }

  slowDelete(digest: Digest, ...meanwhile: readonly Meanwhile[]): Promise<void> {
    return this.#run(meanwhile, ({ manifests }) => manifests.delete(this.#name, digest));
  }

  slowUntag(tag: string, ...meanwhile: readonly Meanwhile[]): Promise<void> {
    return this.#run(meanwhile, ({ tags }) => tags.delete(this.#name, parseTag(tag)));
  }

  async #run(
    meanwhile: readonly Meanwhile[],
    request: (registry: TestRegistry) => Promise<unknown>,
  ): Promise<void> {
    let dead = false;
    let failed = false;
    let acts = 0;
    const driver = steppedDriver(this.driver, async (call) => {
      this.calls++;
      for (const [, act] of meanwhile.filter(([at]) => at === call)) {
        acts++;
        if (act === 'fails') {
          failed = true;
          throw new StorageUnavailable('the storage is away for a moment');
        }
        if (act === 'dies') dead = true;
        else await act();
      }
      if (dead) throw new StorageUnavailable('the process is dead');
    });
    const registry = await TestRegistry.on(driver, { secrets: ['sixteen bytes or more'] });
    await request(registry).catch((error: unknown) => {
      if (!dead && !failed) unlessUnknown(error);
    });
    this.complete = acts === meanwhile.length;
  }
}

function unlessUnknown(error: unknown): undefined {
  if (!(error instanceof ManifestUnknown)) throw error;
  return undefined;
}
