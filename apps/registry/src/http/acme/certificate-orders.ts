import { setTimeout as pause } from 'node:timers/promises';

import type { Authorization } from 'acme-client';

import type { Log } from '#telemetry/log.js';

import type { HttpConfig } from '../http-config.js';
import { type CertificateFolder, remainingLife, wholeLife } from './certificate-folder.js';

type Settings = HttpConfig['tls']['letsencrypt'];

const lookAgainMs = 6 * 3_600_000;
const firstPauseMs = 30_000;
const longestPauseMs = 3_600_000;

/**
 * Orders the certificate from an ACME service and renews it when a third of its life is left. One process does; all see the
 * result in the folder. The challenge is tls-alpn-01, as Distribution's: it needs no port but the one that is served, which
 * the world must reach as 443.
 */
export class CertificateOrders {
  readonly #stop = new AbortController();

  constructor(
    private readonly settings: Settings,
    private readonly folder: CertificateFolder,
    private readonly log: Log,
  ) {}

  /** Goes on until stopped. Failures are logged and tried again, later each time. */
  async run(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!this.#stop.signal.aborted) {
      let next = lookAgainMs;
      try {
        if (await this.isDue()) await this.#order();
        pauseMs = firstPauseMs;
      } catch (error) {
        next = pauseMs;
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
        const { hosts } = this.settings;
        this.log.error({ hosts, error, nextTryMs: next }, 'no certificate from the ACME service');
      }
      const options = { ref: false, signal: this.#stop.signal };
      await pause(next, undefined, options).catch(() => undefined);
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Whether there is no certificate for all the names, or one that has less than a third of its life left. */
  async isDue(now = Date.now()): Promise<boolean> {
    const current = await this.folder.certificate();
    if (current === undefined) return true;
    return remainingLife(current, this.settings.hosts, now) < wholeLife(current) / 3;
  }

  async #order(): Promise<void> {
    const { hosts, email, directoryurl } = this.settings;
    // Loaded by the one process that orders, when it does.
    const { Client, crypto } = await import('acme-client');
    const newKey = async () => (await crypto.createPrivateEcdsaKey()).toString();
    const client = new Client({
      directoryUrl: directoryurl,
      accountKey: await this.folder.accountKey(newKey),
    });
    const [key, csr] = await crypto.createCsr(
      { commonName: hosts[0] ?? '', altNames: [...hosts] },
      await newKey(),
    );
    const cert = await client.auto({
      csr,
      ...(email !== undefined && { email }),
      termsOfServiceAgreed: true,
      // The service looks; our own look would come from inside.
      skipChallengeVerification: true,
      challengePriority: ['tls-alpn-01'],
      challengeCreateFn: async (authorization: Authorization, challenge, keyAuthorization) => {
        // The types of the library do not know this one; the library does.
        const type: string = challenge.type;
        if (type !== 'tls-alpn-01') throw new Error(`cannot answer a challenge of type ${type}`);
        const made = await crypto.createAlpnCertificate(authorization, keyAuthorization);
        const [challengeKey, certificate] = made.map(String);
        await this.folder.storeChallenge(authorization.identifier.value, {
          key: challengeKey ?? '',
          cert: certificate ?? '',
        });
      },
      challengeRemoveFn: ({ identifier }: Authorization) =>
        this.folder.removeChallenge(identifier.value),
    });
    await this.folder.storeCertificate({ key: key.toString(), cert: cert.toString() });
    this.log.info({ hosts }, 'certificate ordered');
  }
}
