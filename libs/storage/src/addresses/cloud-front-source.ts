import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { AddressRequest } from '../storage-driver.js';
import type { AddressSource } from './address-source.js';
import type { AwsAddresses } from './aws-addresses.js';

export interface CloudFrontOptions {
  /** Of the distribution; `https` where it has no scheme. */
  readonly baseurl: string;
  /** PEM file of the RSA key that signs. */
  readonly privatekey: string;
  readonly keypairid: string;
  /** Milliseconds that an address is good for. */
  readonly duration: number;
  /** Clients in these networks get the bucket's own address. */
  readonly direct?: AwsAddresses | undefined;
}

/** The configured key cannot sign. */
export class UnusableSigningKey extends Error {
  override readonly name = 'UnusableSigningKey';
  constructor(path: string, options: ErrorOptions) {
    super(`options.privatekey: ${path} cannot be read as an RSA private key in PEM`, options);
  }
}

type Signer = typeof import('@aws-sdk/cloudfront-signer').getSignedUrl;

/** Addresses of a CloudFront distribution in front of the bucket, signed with a canned policy. */
export class CloudFrontSource implements AddressSource {
  readonly #base: string;

  private constructor(
    private readonly bucket: AddressSource,
    private readonly keyOf: (path: string) => string,
    private readonly options: CloudFrontOptions,
    private readonly privateKey: string,
    private readonly sign: Signer,
  ) {
    const { baseurl } = options;
    const base = baseurl.includes('://') ? baseurl : `https://${baseurl}`;
    this.#base = base.endsWith('/') ? base : `${base}/`;
  }

  /** @throws {UnusableSigningKey} */
  static async open(
    bucket: AddressSource,
    keyOf: (path: string) => string,
    options: CloudFrontOptions,
  ): Promise<CloudFrontSource> {
    let key: string;
    try {
      key = await readFile(options.privatekey, 'utf8');
      if (createPrivateKey(key).asymmetricKeyType !== 'rsa') throw new Error('not an RSA key');
    } catch (cause) {
      throw new UnusableSigningKey(options.privatekey, { cause });
    }
    const { getSignedUrl } = await import('@aws-sdk/cloudfront-signer');
    return new CloudFrontSource(bucket, keyOf, options, key, getSignedUrl);
  }

  async addressOf(path: string, request: AddressRequest): Promise<string | undefined> {
    const { direct, duration, keypairid } = this.options;
    if (request.clientAddress !== undefined && direct?.has(request.clientAddress)) {
      return this.bucket.addressOf(path, request);
    }
    return this.sign({
      url: this.#base + this.keyOf(path),
      keyPairId: keypairid,
      privateKey: this.privateKey,
      dateLessThan: new Date(Date.now() + duration),
    });
  }

  close(): void {
    this.options.direct?.close();
  }
}
