import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

import type { AddressRequest } from '../storage-driver.js';
import type { S3Calls } from './s3-calls.js';
import type { S3Config } from './s3-config.js';

/** Milliseconds that an address is good for, where nobody says. */
const usualLifetime = 20 * 60_000;
/** As the signature allows. */
const longestLifetime = 7 * 24 * 3_600_000;

/** Addresses that carry the right to read one object for a while. */
export class S3Addresses {
  readonly #elsewhere: S3Client | undefined;

  constructor(
    private readonly calls: S3Calls,
    { redirectendpoint }: S3Config,
  ) {
    this.#elsewhere =
      redirectendpoint === undefined ? undefined : calls.connection.signerAt(redirectendpoint);
  }

  /** Services refuse a HEAD with the signature of a GET. */
  async of(name: string, { method, lifetime = usualLifetime }: AddressRequest): Promise<string> {
    const place = { Bucket: this.calls.bucket, Key: name };
    const command = method === 'HEAD' ? new HeadObjectCommand(place) : new GetObjectCommand(place);
    // Nothing is asked of the service, but credentials may have to be fetched.
    return this.calls.run('sign', name, async () => {
      const { client } = this.calls;
      return getSignedUrl(this.#elsewhere ?? client, command, {
        expiresIn: Math.ceil(Math.min(lifetime, longestLifetime) / 1000),
        // By the service's clock, as far as its answers told.
        signingDate: new Date(Date.now() + client.config.systemClockOffset),
      });
    });
  }
}
