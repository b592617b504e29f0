import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

import type { Log } from '#telemetry/log.js';

import type { RedisConfig } from './redis-config.js';
import { RedisUnusable } from './redis-unusable.js';

type TlsKeys = NonNullable<RedisConfig['tls']>;

/** What `redis.tls` names. Files that are replaced are taken into use by the next connection. */
export class TlsFiles {
  #last: SecureContextOptions;
  #broken = false;

  private constructor(
    private readonly tls: TlsKeys,
    private readonly log: Pick<Log, 'warn'>,
    first: SecureContextOptions,
  ) {
    this.#last = first;
  }

  /** @throws {RedisUnusable} for a file that cannot be read, or that does not fit the others */
  static async open(tls: TlsKeys, log: Pick<Log, 'warn'>): Promise<TlsFiles> {
    return new TlsFiles(tls, log, await readTlsFiles(tls));
  }

  /** As they are now, or as they were when they could be used last. */
  async read(): Promise<SecureContextOptions> {
    try {
      this.#last = await readTlsFiles(this.tls);
      this.#broken = false;
    } catch (error) {
      if (this.#broken) return this.#last;
      this.#broken = true;
      const reason = error instanceof RedisUnusable ? error.message : String(error);
      this.log.warn({ reason }, 'new TLS files for Redis cannot be used; the old ones stay');
    }
    return this.#last;
  }
}

async function readTlsFiles(tls: TlsKeys): Promise<SecureContextOptions> {
  const { certificate, key, rootcas } = tls;
  const cert = certificate && (await readPem(certificate, 'tls.certificate'));
  const privateKey = key && (await readPem(key, 'tls.key'));
  const ca = await Promise.all(
    rootcas.map((file, index) => readPem(file, `tls.rootcas[${index}]`, isCertificate)),
  );
  if (cert) checked({ cert }, 'tls.certificate', `${certificate} is no certificate`);
  if (privateKey) checked({ key: privateKey }, 'tls.key', `${key} is no private key`);
  const context: SecureContextOptions = {
    ...(cert && privateKey && { cert, key: privateKey }),
    ...(ca.length > 0 && { ca }),
  };
  checked(context, 'tls.key', 'does not belong to tls.certificate');
  return context;
}

async function readPem(
  file: string,
  key: string,
  isGood: (pem: string) => boolean = () => true,
): Promise<string> {
  let pem: string;
  try {
    pem = await readFile(file, 'utf8');
  } catch (error) {
    const { message } = error as Error;
    throw new RedisUnusable(key, `cannot read ${file} (${message})`, { cause: error });
  }
  if (!isGood(pem)) throw new RedisUnusable(key, `${file} holds no certificate in PEM`);
  return pem;
}

/** OpenSSL takes any text for a list of authorities, and then trusts none. */
function isCertificate(pem: string): boolean {
  try {
    createSecureContext({ ca: pem, cert: pem });
    return true;
  } catch {
    return false;
  }
}

function checked(context: SecureContextOptions, key: string, problem: string): void {
  try {
    createSecureContext(context);
  } catch (error) {
    const { message } = error as Error;
    throw new RedisUnusable(key, `${problem} (${message})`, { cause: error });
  }
}
