import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

import type { RedisConfig } from './redis-config.js';
import { RedisUnusable } from './redis-unusable.js';

/** What `redis.tls` names, read. @throws {RedisUnusable} for a file that cannot be read, or that does not fit the others */
export async function readTlsFiles(
  tls: NonNullable<RedisConfig['tls']>,
): Promise<SecureContextOptions> {
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
