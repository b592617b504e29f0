import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

import type { AddressRequest } from '../storage-driver.js';
import type { S3Config } from './s3-config.js';
import type { S3Connection } from './s3-connection.js';

/** Seconds that an address is good for. */
const lifetime = 20 * 60;

/** Addresses that carry the right to read one object for a while. */
export class S3Addresses {
  readonly #elsewhere: S3Client | undefined;

  constructor(
    private readonly connection: S3Connection,
    { redirectendpoint }: S3Config,
  ) {
    this.#elsewhere =
      redirectendpoint === undefined ? undefined : connection.signerAt(redirectendpoint);
  }

  /** Services refuse a HEAD with the signature of a GET. */
  async of(name: string, { method }: AddressRequest): Promise<string> {
    const place = { Bucket: this.connection.bucket, Key: name };
    const { client } = this.connection;
    const command = method === 'HEAD' ? new HeadObjectCommand(place) : new GetObjectCommand(place);
    return getSignedUrl(this.#elsewhere ?? client, command, {
      expiresIn: lifetime,
      // By the service's clock, as far as its answers told.
      signingDate: new Date(Date.now() + client.config.systemClockOffset),
    });
  }
}
