import { afterAll } from '@jest/globals';

import type { RetryLimits } from '#storage/bucket/retries.js';
import { type SwiftConfig, swiftConfig } from '#storage/swift/swift-config.js';
import { SwiftStore } from '#storage/swift/swift-store.js';

import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { Swift } from '../support/servers/swift.js';

/** A Swift for the suite around the call, and stores on it that close with it. */
export class SwiftSuite {
  readonly server = serverOfSuite((folder) => Swift.start(folder));
  readonly #stores: SwiftStore[] = [];

  constructor() {
    afterAll(async () => {
      for (const store of this.#stores) await store.close();
    });
  }

  config(more: Readonly<Record<string, unknown>> = {}): SwiftConfig {
    const { authUrl, user, key } = this.server();
    return swiftConfig.parse({
      authurl: authUrl,
      username: user,
      password: key,
      container: 'registry',
      ...more,
    });
  }

  store(
    more: Readonly<Record<string, unknown>> = {},
    limits: Partial<RetryLimits> = {},
  ): SwiftStore {
    const store = new SwiftStore(this.config(more), limits);
    this.#stores.push(store);
    return store;
  }
}
