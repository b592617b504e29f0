import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { KeyPair } from '../tls-settings.js';

/**
 * `http.tls.letsencrypt.cachefile`, a folder: the account, the certificate, and the answers to challenges that are open.
 * All processes read it, one writes it. A file is there whole or not at all.
 */
export class CertificateFolder {
  private constructor(private readonly folder: string) {}

  static async open(folder: string): Promise<CertificateFolder> {
    await mkdir(join(folder, 'challenges'), { recursive: true, mode: 0o700 });
    return new CertificateFolder(folder);
  }

  /** The chain and the key in one file, so that they are replaced together. */
  get certificateFile(): string {
    return join(this.folder, 'certificate.pem');
  }

  async certificate(): Promise<KeyPair | undefined> {
    return pairIn(await readIfThere(this.certificateFile));
  }

  storeCertificate(pair: KeyPair): Promise<void> {
    return this.#write('certificate.pem', textOf(pair));
  }

  /** The key of the account, made by `create` where there is none. */
  async accountKey(create: () => Promise<string>): Promise<string> {
    const kept = await readIfThere(join(this.folder, 'account.key'));
    if (kept !== undefined) return kept;
    const made = await create();
    await this.#write('account.key', made);
    return made;
  }

  /** @param host a DNS name; what comes in a handshake may be anything. */
  async challenge(host: string): Promise<KeyPair | undefined> {
    return isName(host) ? pairIn(await readIfThere(this.#challengeFile(host))) : undefined;
  }

  storeChallenge(host: string, pair: KeyPair): Promise<void> {
    return this.#write(join('challenges', `${host.toLowerCase()}.pem`), textOf(pair));
  }

  async removeChallenge(host: string): Promise<void> {
    await rm(this.#challengeFile(host), { force: true });
  }

  #challengeFile(host: string): string {
    return join(this.folder, 'challenges', `${host.toLowerCase()}.pem`);
  }

  async #write(name: string, text: string): Promise<void> {
    const path = join(this.folder, name);
    const temporary = `${path}.${process.pid}.tmp`;
    await writeFile(temporary, text, { mode: 0o600, flush: true });
    await rename(temporary, path);
  }
}

/** Whether the certificate is for all the names, and how long it lasts, in milliseconds. */
export function remainingLife(pair: KeyPair, hosts: readonly string[], now: number): number {
  const certificate = new X509Certificate(pair.cert);
  if (!hosts.every((host) => certificate.checkHost(host) !== undefined)) return 0;
  return certificate.validToDate.getTime() - now;
}

/** How long it was to last from its first day, in milliseconds. */
export function wholeLife({ cert }: KeyPair): number {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  return validToDate.getTime() - validFromDate.getTime();
}

function textOf({ key, cert }: KeyPair): string {
  return `${key.trim()}\n${cert.trim()}\n`;
}

function pairIn(text: string | undefined): KeyPair | undefined {
  const start = text?.indexOf('-----BEGIN CERTIFICATE-----') ?? -1;
  return text === undefined || start < 0
    ? undefined
    : { key: text.slice(0, start), cert: text.slice(start) };
}

function isName(host: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{0,252}$/i.test(host) && !host.includes('..');
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
