import { createHmac, randomBytes } from 'node:crypto';

import type { SwiftClient } from './swift-client.js';
import type { SwiftConfig } from './swift-config.js';
import { keepsContainerKeys, type SwiftInfo } from './swift-info.js';
import type { SwiftNames } from './swift-names.js';

const digests = ['sha256', 'sha512', 'sha1'] as const;
type TempUrlDigest = (typeof digests)[number];

/** Addresses of objects that are good for a while, for clients without a token. */
export class TempUrls {
  private constructor(
    private readonly key: string,
    private readonly digest: TempUrlDigest,
    private readonly storageUrl: string,
    private readonly signer: string | undefined,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Finds the key, or writes one where there is none or the configuration has another.
   * @returns undefined where there are no such addresses, or this user may not write the key
   */
  static async connect(
    client: SwiftClient,
    config: SwiftConfig,
    info: SwiftInfo,
    names: SwiftNames,
  ): Promise<TempUrls | undefined> {
    const methods =
      info.version === undefined ? config.tempurlmethods : (info.tempUrl?.methods ?? []);
    if (!methods.some((method) => method.toUpperCase() === 'GET')) return undefined;
    const digest = digests.find((each) => (info.tempUrl?.digests ?? ['sha1']).includes(each));
    if (digest === undefined) return undefined;
    const atContainer =
      config.tempurlcontainerkey ||
      (info.version !== undefined && keepsContainerKeys(info.version));
    const key = await settleKey(client, atContainer ? names.path() : '', config);
    if (key === undefined) return undefined;
    const signer =
      config.accesskey === undefined ? undefined : `${config.tenantid ?? ''}:${config.accesskey}`;
    return new TempUrls(key, digest, await client.storageUrl(), signer);
  }

  /** @param path percent-encoded, from the container on; HEAD is allowed with it too */
  addressOf(path: string, lifetime = usualLifetime): string {
    const expires = Math.floor((this.now() + lifetime) / 1000);
    const url = new URL(`${this.storageUrl}${path}`);
    const signed = `GET\n${expires}\n${decodeURIComponent(url.pathname)}`;
    const signature = createHmac(this.digest, this.key).update(signed).digest('hex');
    url.searchParams.set(
      'temp_url_sig',
      this.signer === undefined ? signature : `${this.signer}:${signature}`,
    );
    url.searchParams.set('temp_url_expires', String(expires));
    return url.href;
  }
}

/** Milliseconds, as Distribution has it. */
const usualLifetime = 20 * 60 * 1000;

/** @param path of the container, or of the account */
async function settleKey(
  client: SwiftClient,
  path: string,
  config: SwiftConfig,
): Promise<string | undefined> {
  const wanted = config.secretkey?.reveal();
  const header = path === '' ? 'x-account-meta-temp-url-key' : 'x-container-meta-temp-url-key';
  const read = () =>
    client.run('temporary addresses', async (attempt) =>
      (await attempt.text({ method: 'HEAD', path, expected: [403] })).header(header),
    );
  const there = await read();
  if (there !== undefined && there !== '' && (wanted === undefined || wanted === there))
    return there;
  const written = await client.run('temporary addresses', async (attempt) => {
    const answer = await attempt.text({
      method: 'POST',
      path,
      headers: { [header]: wanted ?? randomBytes(32).toString('hex') },
      expected: [403],
    });
    return answer.status !== 403;
  });
  if (!written) return wanted;
  // Of several who made one at once the last is the one.
  return wanted ?? (await read());
}
