import { readFile } from 'node:fs/promises';
import {
  createSecureContext,
  DEFAULT_CIPHERS,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';

import { StartupError } from '../startup-error.js';
import { cipherSuites } from './cipher-suites.js';
import type { HttpConfig } from './http-config.js';

type TlsConfig = HttpConfig['tls'];

/** A certificate with its key, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** What `setSecureContext` takes: everything that may change while connections are open. */
export type TlsContext = SecureContextOptions;

/** Whether the listener speaks TLS at all. */
export function usesTls({ certificate, letsencrypt }: TlsConfig): boolean {
  return certificate !== undefined || letsencrypt.cachefile !== undefined;
}

/** @throws {StartupError} that names the key whose file cannot be read or does not fit. */
export async function readTlsContext(tls: TlsConfig): Promise<TlsContext> {
  const { certificate = '', key = '' } = tls;
  const pair = {
    cert: await readPem(certificate, 'http.tls.certificate'),
    key: await readPem(key, 'http.tls.key'),
  };
  checked(() => createSecureContext({ cert: pair.cert }), 'http.tls.certificate', certificate);
  checked(() => createSecureContext({ key: pair.key }), 'http.tls.key', key);
  return tlsContext(tls, pair);
}

/**
 * Without a key pair no handshake succeeds yet: an ACME service is still to issue one.
 *
 * @throws {StartupError} where certificate and key are not a pair, or a suite is not available.
 */
export async function tlsContext(
  tls: Omit<TlsConfig, 'letsencrypt'>,
  pair?: KeyPair,
): Promise<TlsContext> {
  const ca = await Promise.all(tls.clientcas.map((file) => readPem(file, 'http.tls.clientcas')));
  const context: TlsContext = {
    ...pair,
    ...(ca.length > 0 && { ca }),
    minVersion: tls.minimumtls === 'tls1.3' ? 'TLSv1.3' : 'TLSv1.2',
    ...(tls.ciphersuites.length > 0 && { ciphers: ciphers(tls.ciphersuites) }),
    honorCipherOrder: true,
  };
  if (pair) checked(() => createSecureContext(pair), 'http.tls.key', 'the key and the certificate');
  checked(() => createSecureContext(context), 'http.tls.ciphersuites', 'the list');
  return context;
}

/** OpenSSL's list. As in Go, the suites of TLS 1.3 are there whether or not they are named. */
function ciphers(names: readonly string[]): string {
  const chosen = names.map((name) => cipherSuites.get(name) ?? name);
  if (!chosen.some((name) => name.startsWith('TLS_'))) {
    chosen.push(...DEFAULT_CIPHERS.split(':').filter((name) => name.startsWith('TLS_')));
  }
  return chosen.join(':');
}

/** How the handshake asks for a client certificate (`http.tls.clientauth`); nothing without `clientcas`. */
export function clientAuthOptions({ clientcas, clientauth }: TlsConfig): {
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
} {
  const asks = clientcas.length > 0;
  const verifies = clientauth === 'require-and-verify-client-cert';
  return { requestCert: asks, rejectUnauthorized: asks && verifies };
}

/** Whether a client whose handshake is done may go on: what Node does not check by itself. */
export function mayConnect({ clientcas, clientauth }: TlsConfig, socket: TLSSocket): boolean {
  if (clientcas.length === 0) return true;
  const given = Object.keys(socket.getPeerCertificate()).length > 0;
  switch (clientauth) {
    case 'request-client-cert':
      return true;
    case 'require-any-client-cert':
      return given;
    case 'verify-client-cert-if-given':
      return !given || socket.authorized;
    case 'require-and-verify-client-cert':
      return socket.authorized;
  }
}

async function readPem(file: string, key: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new StartupError(key, `cannot read ${file} (${(error as Error).message})`, {
      cause: error,
    });
  }
}

function checked(make: () => unknown, key: string, what: string): void {
  try {
    make();
  } catch (error) {
    throw new StartupError(key, `${what} cannot be used (${(error as Error).message})`, {
      cause: error,
    });
  }
}
