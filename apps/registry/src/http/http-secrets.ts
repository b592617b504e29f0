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
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Nothing is written to the storage. */
  readonly readonly?: boolean;
}

/** What signs the state of uploads, followed wherever it comes from, and compared with what others on the storage use. */
export class HttpSecrets {
  private constructor(
    private readonly keys: SecretKeys,
    readonly signing: SigningSecrets,
    private readonly agreement: SecretAgreement,
    /** Undefined where no file holds them. */
    readonly watcher: FileWatcher | undefined,
  ) {}

  /**
   * The first signs, all verify. One that the storage keeps where none is configured.
   * @throws {StartupError} if the file cannot be used; later that leaves in use what it held before
   */
  static async open(
    keys: SecretKeys,
    { driver, log, readonly = false }: Surroundings,
  ): Promise<HttpSecrets> {
    const { secretfile } = keys;
    const apply = async () => {
      secrets.replace(await secretsOf(keys));
      agreement.lookSoon();
    };
    const watcher =
      secretfile === undefined
        ? undefined
        : await FileWatcher.start({ what: 'secret file', files: [secretfile], apply, log });
    const configured = await secretsOf(keys);
    const all = configured.length > 0 ? configured : [await keptSecret(driver, { readonly })];
    const secrets = await SigningSecrets.load(driver, all);
    const agreement = new SecretAgreement(driver, { secrets, key: keyOf(keys), log });
    return new HttpSecrets(keys, secrets, agreement, watcher);
  }

  /** Compares with others from now on. */
  compare(): void {
    this.agreement.start();
  }

  stop(): void {
    this.agreement.stop();
    this.watcher?.stop();
  }

  /** Takes into use what a configuration says that was read again. Where the secrets come from changes with a restart only. */
  async reload(now: SecretKeys): Promise<void> {
    await this.watcher?.look();
    if (this.keys.secretfile !== undefined || now.secretfile !== undefined) return;
    const [before, after] = [listed(this.keys), listed(now)];
    if (before.length === 0 || after.length === 0) return;
    this.signing.replace(after);
    this.agreement.lookSoon();
  }

  notices(): Readonly<Record<string, string>> {
    const { problem } = this.agreement;
    return problem === undefined ? {} : { http_secret: problem };
  }

  get measured(): Measured {
    return {
      kind: 'gauge',
      name: 'holdfast_http_secret_strange',
      help: 'Whether other processes on the storage use HTTP secrets of which this one knows none.',
      values: () => [{ value: this.agreement.problem === undefined ? 0 : 1 }],
    };
  }
}

async function secretsOf(keys: SecretKeys): Promise<readonly string[]> {
  return keys.secretfile === undefined ? listed(keys) : readSecretFile(keys.secretfile);
}

function listed({ secret, secrets }: SecretKeys): readonly string[] {
  return [...(secret === undefined ? [] : [secret]), ...secrets].map((one) => one.reveal());
}

function keyOf({ secret, secrets, secretfile }: SecretKeys): string | undefined {
  if (secretfile !== undefined) return 'http.secretfile';
  if (secret !== undefined) return 'http.secret';
  return secrets.length > 0 ? 'http.secrets' : undefined;
}
