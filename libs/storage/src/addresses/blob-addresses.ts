import type { Log } from '#telemetry/log.js';

import type { AddressRequest, StorageDriver } from '../storage-driver.js';
import type { StorageMiddleware } from './address-config.js';
import type { AddressSource } from './address-source.js';
import { AwsAddresses } from './aws-addresses.js';
import { CloudFrontSource } from './cloud-front-source.js';
import { RedirectSource } from './redirect-source.js';
import { RewriteSource } from './rewrite-source.js';

const defaultDuration = 20 * 60 * 1000;
const defaultUpdateFrequency = 12 * 60 * 60 * 1000;
const defaultRanges = 'https://ip-ranges.amazonaws.com/ip-ranges.json';

/** `storage.redirect` */
export interface RedirectRules {
  readonly disable: boolean;
  /** Bytes: a smaller blob is sent by the registry itself, if its size is known. */
  readonly minsize: number;
  /** Milliseconds that addresses are good for. */
  readonly expiry?: number | undefined;
}

/** Where clients that ask for a blob are sent, if they are. */
export class BlobAddresses {
  private constructor(
    private readonly sources: readonly AddressSource[],
    private readonly rules: RedirectRules,
  ) {}

  /** The middlewares are put around the driver in the order of the file, as Distribution does: the last has the last word. */
  static async open(
    driver: StorageDriver,
    rules: RedirectRules,
    middlewares: readonly StorageMiddleware[],
    log: Log,
  ): Promise<BlobAddresses> {
    const sources: AddressSource[] = [driver];
    for (const middleware of middlewares) {
      if (middleware.disabled) continue;
      sources.push(await wrap(sources.at(-1) as AddressSource, driver, middleware, log));
    }
    return new BlobAddresses(sources, rules);
  }

  /** Whether some blobs have addresses; if not, nobody need ask. */
  get any(): boolean {
    return !this.rules.disable && (this.sources.length > 1 || this.#driver.hasAddresses);
  }

  /** Whether the size of a blob makes a difference. */
  get asksForSize(): boolean {
    return this.rules.minsize > 0;
  }

  /** @param size bytes, where it is known */
  async of(
    path: string,
    request: AddressRequest,
    size: number | undefined,
  ): Promise<string | undefined> {
    if (!this.any || (size !== undefined && size < this.rules.minsize)) return undefined;
    return this.sources.at(-1)?.addressOf(path, { ...request, lifetime: this.rules.expiry });
  }

  close(): void {
    for (const source of this.sources) source.close?.();
  }

  get #driver(): StorageDriver {
    return this.sources[0] as StorageDriver;
  }
}

async function wrap(
  source: AddressSource,
  driver: StorageDriver,
  { name, options }: StorageMiddleware,
  log: Log,
): Promise<AddressSource> {
  switch (name) {
    case 'redirect':
      return new RedirectSource(options.baseurl ?? '');
    case 'rewrite':
      return new RewriteSource(source, options);
    case 'cloudfront':
      if (driver.name !== 's3') {
        log.warn({ driver: driver.name }, 'cloudfront is only for s3; it is left out');
        return source;
      }
      return CloudFrontSource.open(source, (path) => driver.keyOf(path), {
        baseurl: options.baseurl ?? '',
        privatekey: options.privatekey ?? '',
        keypairid: options.keypairid ?? '',
        duration: options.duration ?? defaultDuration,
        direct: awsAddresses(options, log),
      });
  }
}

function awsAddresses(
  { ipfilteredby = 'none', awsregion, ...options }: StorageMiddleware['options'],
  log: Log,
): AwsAddresses | undefined {
  if (ipfilteredby === 'none') return undefined;
  const addresses = new AwsAddresses(
    {
      url: options.iprangesurl ?? defaultRanges,
      updateFrequency:
        options.updatefrequency ?? options.updatefrenquency ?? defaultUpdateFrequency,
      regions:
        ipfilteredby === 'awsregion'
          ? awsregion?.split(',').map((region) => region.trim().toLowerCase())
          : undefined,
    },
    log,
  );
  void addresses.update();
  return addresses;
}
