import type { AddressInfo } from 'node:net';

import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { SigningSecrets } from '#content/uploads/signing-secrets.js';
import { createApp } from '#registry/app.js';
import { loadRegistryConfig } from '#registry/load-config.js';
import { FilesystemDriver, type FilesystemOptions } from '#storage/filesystem/filesystem-driver.js';
import { ProcessLog } from '#telemetry/create-log.js';

export interface Served {
  readonly url: string;
  readonly app: NestFastifyApplication;
  /** At once, whatever clients keep open. */
  readonly close: () => Promise<void>;
}

/** The whole registry on a folder, in this process, at a free port. */
export async function serve(options: FilesystemOptions): Promise<Served> {
  const { config } = loadRegistryConfig({
    env: {
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: options.rootdirectory,
      REGISTRY_STORAGE_DELETE_ENABLED: 'true',
    },
  });
  const driver = await FilesystemDriver.connect(options);
  const log = ProcessLog.create(
    { level: 'error', formatter: 'text', fields: {} },
    { destination: process.stderr },
  );
  const app = await createApp({
    config,
    log,
    driver,
    secrets: await SigningSecrets.load(driver, []),
  });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const close = async () => {
    const closed = app.close();
    app.getHttpServer().closeAllConnections();
    await closed;
  };
  return { app, close, url: `http://127.0.0.1:${port}` };
}
