import type { HttpAuthorization, UserDelegationKey } from '@azure/storage-blob';

import { BrokenOff } from '../bucket/broken-off.js';
import type { AzureAccount } from './azure-account.js';
import { isRestError } from './azure-errors.js';

/** Where the service itself reads a blob from, and as whom. */
export interface CopySource {
  readonly url: string;
  readonly authorization?: HttpAuthorization;
}

const minutes = 60_000;
/** The clocks of the service and of this machine may differ by so much. */
const skew = 15 * minutes;
const delegation = 24 * 60 * minutes;

/** Addresses that carry the right to read one blob for a while. */
export class AzureAddresses {
  #key: Promise<UserDelegationKey | undefined> | undefined;
  #keyUntil = 0;

  constructor(
    private readonly account: AzureAccount,
    /** Milliseconds that a request for a key may take. */
    private readonly patience = 10_000,
  ) {}

  /** Undefined where the identity may make none. */
  async readAddress(name: string, lifetime: number): Promise<string | undefined> {
    const { container, identity } = this.account;
    const { url } = container.getBlobClient(name);
    if (identity.kind === 'signature') return undefined;
    const sdk = await import('@azure/storage-blob');
    const now = Date.now();
    const values = {
      containerName: container.containerName,
      blobName: name,
      permissions: sdk.BlobSASPermissions.parse('r'),
      startsOn: new Date(now - skew),
      expiresOn: new Date(now + lifetime),
      protocol: url.startsWith('http:') ? sdk.SASProtocol.HttpsAndHttp : sdk.SASProtocol.Https,
    };
    if (identity.kind === 'key') {
      return `${url}?${sdk.generateBlobSASQueryParameters(values, identity.credential).toString()}`;
    }
    const delegated = await this.#delegation(lifetime);
    if (delegated === undefined) return undefined;
    const { accountName } = container;
    return `${url}?${sdk.generateBlobSASQueryParameters(values, delegated, accountName).toString()}`;
  }

  /** For copies inside the account. */
  async sourceOf(name: string, signal: AbortSignal): Promise<CopySource> {
    const { container, identity } = this.account;
    const { url } = container.getBlobClient(name);
    if (identity.kind === 'signature') return { url };
    const address = await this.readAddress(name, 4 * 60 * minutes);
    if (address !== undefined) return { url: address };
    // An identity with a role on the container alone makes no addresses, but may show itself to the source.
    const token =
      identity.kind === 'token'
        ? await identity.credential.getToken(tokenScope, { abortSignal: signal })
        : null;
    return { url, authorization: { scheme: 'Bearer', value: token?.token ?? '' } };
  }

  /** Signs for a day, and is asked for again well before that is over. */
  async #delegation(lifetime: number): Promise<UserDelegationKey | undefined> {
    if (Date.now() + lifetime + skew > this.#keyUntil) {
      this.#keyUntil = Date.now() + delegation;
      this.#key = this.#fetchKey();
    }
    const fetched = this.#key;
    try {
      return await fetched;
    } catch (error) {
      if (this.#key === fetched) this.#keyUntil = 0;
      throw error;
    }
  }

  async #fetchKey(): Promise<UserDelegationKey | undefined> {
    const now = Date.now();
    // Whoever needs it waits for this one, so nobody's own deadline ends it.
    const over = AbortSignal.timeout(this.patience);
    try {
      return await this.account.service.getUserDelegationKey(
        new Date(now - skew),
        new Date(now + delegation),
        { abortSignal: over },
      );
    } catch (error) {
      // Not allowed to: there are no addresses then, and it is asked again when the day is over.
      if (isRestError(error) && error.statusCode === 403) return undefined;
      if (over.aborted) throw new BrokenOff('no key to sign with came in time', { cause: error });
      throw error;
    }
  }
}

const tokenScope = 'https://storage.azure.com/.default';
