import type { Log } from '#telemetry/log.js';

import { StartupError } from '../startup-error.js';
import { CertificateFolder } from './acme/certificate-folder.js';
import { createChallengeServer } from './acme/challenge-server.js';
import { FileWatcher } from './file-watcher.js';
import type { HttpConfig } from './http-config.js';
import { Listener } from './listener.js';
import { readTlsContext, tlsContext, usesTls } from './tls-settings.js';

export interface WatchedListener {
  readonly listener: Listener;
  /** Undefined without TLS. */
  readonly certificates: FileWatcher | undefined;
}

/** The listener with its certificates, from files or from an ACME service, which it follows when they change. */
export async function createListener(
  http: HttpConfig,
  log: Pick<Log, 'info' | 'warn'>,
): Promise<WatchedListener> {
  const { tls } = http;
  if (!usesTls(tls)) return { listener: new Listener(http), certificates: undefined };
  const folder = await certificateFolder(http);
  const read =
    folder === undefined
      ? () => readTlsContext(tls)
      : async () => tlsContext(tls, await folder.certificate());
  const files =
    folder === undefined
      ? [tls.certificate, tls.key, ...tls.clientcas].filter((file) => file !== undefined)
      : [folder.certificateFile, ...tls.clientcas];
  const apply = async () => listener.setSecureContext(await read());
  const certificates = await FileWatcher.start({ what: 'certificate', files, apply, log });
  const challenges = folder === undefined ? undefined : createChallengeServer(folder);
  const listener = new Listener(http, await read(), challenges);
  return { listener, certificates };
}

/** Undefined where certificates come from elsewhere. */
async function certificateFolder({ tls }: HttpConfig): Promise<CertificateFolder | undefined> {
  const { cachefile } = tls.letsencrypt;
  if (cachefile === undefined) return undefined;
  try {
    return await CertificateFolder.open(cachefile);
  } catch (error) {
    throw new StartupError(
      'http.tls.letsencrypt.cachefile',
      `cannot use the folder ${cachefile} (${(error as Error).message})`,
      { cause: error },
    );
  }
}
