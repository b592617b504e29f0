import { SecretAgreement } from '#content/uploads/secret-agreement.js';
import { keptSecret, SigningSecrets } from '#content/uploads/signing-secrets.js';
import type { StorageDriver } from '#storage/storage-driver.js';
import type { Log } from '#telemetry/log.js';

import type { Measured } from '../metrics/measured.js';
import { FileWatcher } from './file-watcher.js';
import type { HttpConfig } from './http-config.js';
import { readSecretFile } from './secret-file.js';

type SecretKeys = Pick<HttpConfig, 'secret' | 'secrets' | 'secretfile'>;

interface Surroundings {
  readonly driver: StorageDriver;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
  /** Nothing is written to the storage. */
  readonly readonly?: boolean;
}

/** Between two tries to read what a configuration names (milliseconds). */
const pause = 1000;

/** What signs the state of uploads, followed wherever it comes from, and compared with what others on the storage use. */
export class HttpSecrets {
  readonly #agreement: SecretAgreement;
  #watcher: FileWatcher | undefined;
  #followed: string | undefined;
  /** One after the other: two at a time would stop each other's watcher. */
  #following = Promise.resolve();
  /** What was taken into use; undefined from the beginning of a try to the end of one that succeeds. */
  #taken: SecretKeys | undefined;
  #retry: NodeJS.Timeout | undefined;

  private constructor(
    private keys: SecretKeys,
    readonly signing: SigningSecrets,
    private readonly surroundings: Surroundings,
  ) {
    const { driver, log } = surroundings;
    this.#followed = keys.secretfile;
    this.#taken = keys;
    const key = () => keyOf(this.keys);
    this.#agreement = new SecretAgreement(driver, {
      secrets: signing,
      log,
      get key() {
        return key();
      },
    });
  }

  /**
   * The first signs, all verify. One that the storage keeps where none is configured.
   * @throws {StartupError} if the file cannot be used; later that leaves in use what it held before
   */
  static async open(keys: SecretKeys, surroundings: Surroundings): Promise<HttpSecrets> {
    const opened = Promise.withResolvers<HttpSecrets>();
    const watcher = await watch(keys, surroundings.log, async () => (await opened.promise).#take());
    try {
      const all = await secretsOf(keys, surroundings);
      const signing = await SigningSecrets.load(surroundings.driver, all);
      const secrets = new HttpSecrets(keys, signing, surroundings);
      secrets.#watcher = watcher;
      opened.resolve(secrets);
      return secrets;
    } catch (error) {
      watcher?.stop();
      throw error;
    }
  }

  /** Undefined where no file holds them. */
  get watcher(): FileWatcher | undefined {
    return this.#watcher;
  }

  /** Compares with others from now on. */
  compare(): void {
    this.#agreement.start();
  }

  stop(): void {
    this.#agreement.stop();
    this.#watcher?.stop();
    clearTimeout(this.#retry);
  }

  /**
   * Takes into use what a configuration says that was read again, wherever the secrets come from now. What it names is
   * tried until it can be read; before that the old ones stay.
   */
  async reload(now: SecretKeys): Promise<void> {
    this.keys = now;
    clearTimeout(this.#retry);
    const follow = () => this.#follow();
    this.#following = this.#following.then(follow, follow);
    await this.#following;
    if (this.keys !== now) return; // Who read the next configuration takes that.
    if (this.#taken !== undefined && haveOneSource(now, this.#taken)) return this.#watcher?.look();
    await this.#takeWhenReadable(now, (error) => {
      const from = keyOf(now) ?? 'the storage';
      this.surroundings.log.error(
        { from, error },
        'HTTP secrets cannot be read; the old ones stay',
      );
    });
  }

  async #follow(): Promise<void> {
    const { keys } = this;
    if (keys.secretfile === this.#followed) return;
    this.#watcher?.stop();
    this.#watcher = undefined;
    this.#followed = keys.secretfile;
    // A file may have changed while nobody watched it.
    this.#taken = undefined;
    this.#watcher = await watch(keys, this.surroundings.log, () => this.#take());
  }

  async #takeWhenReadable(
    keys: SecretKeys,
    complain: (error: unknown) => void = () => undefined,
  ): Promise<void> {
    try {
      await this.#take();
    } catch (error) {
      if (this.keys !== keys) return;
      complain(error);
      this.#retry = setTimeout(() => void this.#takeWhenReadable(keys), pause).unref();
    }
  }

  async #take(): Promise<void> {
    const { keys } = this;
    this.#taken = undefined;
    const all = await secretsOf(keys, this.surroundings);
    if (this.keys !== keys && !haveOneSource(this.keys, keys)) return;
    this.signing.replace(all);
    this.#taken = keys;
    this.#agreement.lookSoon();
  }

  notices(): Readonly<Record<string, string>> {
    const { problem } = this.#agreement;
    return problem === undefined ? {} : { http_secret: problem };
  }

  get measured(): Measured {
    return {
      kind: 'gauge',
      name: 'holdfast_http_secret_strange',
      help: 'Whether other processes on the storage use HTTP secrets of which this one knows none.',
      values: () => [{ value: this.#agreement.problem === undefined ? 0 : 1 }],
    };
  }
}

async function watch(
  { secretfile }: SecretKeys,
  log: Surroundings['log'],
  apply: () => Promise<void>,
): Promise<FileWatcher | undefined> {
  if (secretfile === undefined) return undefined;
  return FileWatcher.start({ what: 'secret file', files: [secretfile], apply, log });
}

async function secretsOf(
  keys: SecretKeys,
  { driver, readonly = false }: Surroundings,
): Promise<readonly string[]> {
  if (keys.secretfile !== undefined) return readSecretFile(keys.secretfile);
  const all = listed(keys);
  return all.length > 0 ? all : [await keptSecret(driver, { readonly })];
}

function listed({ secret, secrets }: SecretKeys): readonly string[] {
  return [...(secret === undefined ? [] : [secret]), ...secrets].map((one) => one.reveal());
}

/** Whether both are read from one place outside of the configuration: who has read it for one has read it for the other. */
function haveOneSource(one: SecretKeys, other: SecretKeys): boolean {
  if (one.secretfile !== undefined) return one.secretfile === other.secretfile;
  return keyOf(one) === undefined && keyOf(other) === undefined;
}

function keyOf({ secret, secrets, secretfile }: SecretKeys): string | undefined {
  if (secretfile !== undefined) return 'http.secretfile';
  if (secret !== undefined) return 'http.secret';
  return secrets.length > 0 ? 'http.secrets' : undefined;
}
