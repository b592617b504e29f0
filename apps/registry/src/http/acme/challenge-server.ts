import { createSecureContext, createServer, type SecureContext, type Server } from 'node:tls';

import type { CertificateFolder } from './certificate-folder.js';

/** Answers a certificate authority that checks that we are who we say (RFC 8737): a handshake, and nothing after it. */
export function createChallengeServer(folder: CertificateFolder): Server {
  const server = createServer({
    ALPNProtocols: ['acme-tls/1'],
    SNICallback: (host, done) => void answer(folder, host, done),
  });
  server.on('secureConnection', (socket) => socket.end());
  return server.on('tlsClientError', (_error, socket) => socket.destroy());
}

async function answer(
  folder: CertificateFolder,
  host: string,
  done: (error: Error | null, context?: SecureContext) => void,
): Promise<void> {
  let context: SecureContext;
  try {
    const pair = await folder.challenge(host);
    if (pair === undefined) throw new Error('no challenge is open for this name');
    context = createSecureContext(pair);
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  done(null, context);
}
