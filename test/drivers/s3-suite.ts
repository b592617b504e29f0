import type { RetryLimits } from '#storage/bucket/retries.js';
import { type S3Config, s3Config } from '#storage/s3/s3-config.js';
import { S3Store } from '#storage/s3/s3-store.js';
import type { StoreUnderTest } from '#storage/testing/object-store.suite.js';

import type { S3Server } from '../support/servers/s3-server.js';

export interface S3Place {
  /** Another address of the server, such as a proxy's. */
  readonly endpoint?: string;
  readonly bucket?: string;
  readonly keys?: Readonly<Record<string, unknown>>;
}

export function s3Settings(
  server: S3Server,
  { endpoint = server.endpoint, bucket = 'registry', keys = {} }: S3Place = {},
): S3Config {
  return s3Config.parse({
    accesskey: server.credentials.accessKey,
    secretkey: server.credentials.secretKey,
    bucket,
    regionendpoint: endpoint,
    ...keys,
  });
}

/** Attempts that end soon, as a test wants them. */
export const quickRetries: RetryLimits = {
  attempts: 12,
  attemptTimeout: 2_500,
  totalTimeout: 60_000,
  firstPause: 50,
  longestPause: 400,
};

/** Two clients of one bucket. */
export async function openStores(config: S3Config, retries?: RetryLimits): Promise<StoreUnderTest> {
  const open = () => S3Store.connect(config, { retries });
  const [store, other] = await Promise.all([open(), open()]);
  return {
    store,
    other,
    close: async () => {
      await store.close();
      await other.close();
    },
  };
}
