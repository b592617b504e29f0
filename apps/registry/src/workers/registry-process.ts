import type { RequestListener } from 'node:http';

import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { AccessController } from '#auth/access-controller.js';
import { connectDriver } from '#storage/connect-driver.js';
import { type StorageDriver, StorageUnavailable } from '#storage/storage-driver.js';
import { AccessLog } from '#telemetry/access-log.js';
import { ProcessLog } from '#telemetry/create-log.js';

import { createApp } from '../app.js';
import { ProcessCache } from '../cache/process-cache.js';
import type { Config } from '../config.js';
import { ProcessReporter } from '../health/process-reports.js';
import { createListener } from '../http/create-listener.js';
import { Drain, drainDoor } from '../http/drain.js';
import { type FileWatcher, reloadFailures } from '../http/file-watcher.js';
import { HttpSecrets } from '../http/http-secrets.js';
import type { Listener } from '../http/listener.js';
import { loggedHandler } from '../http/logged-handler.js';
import { ProgressWatchdog } from '../http/progress-watchdog.js';
import { PublicUrl } from '../http/public-url.js';
import { StartupError } from '../startup-error.js';

interface Parts {
  readonly app: NestFastifyApplication;
  readonly listener: Listener;
  readonly watchdog: ProgressWatchdog;
  readonly certificates: FileWatcher | undefined;
  readonly secrets: HttpSecrets;
  readonly cache: ProcessCache;
  readonly driver: StorageDriver;
}

/** One process that answers requests: the storage, the application and the port, and the way in and out of them. */
export class RegistryProcess {
  readonly #hurry = new AbortController();
  #stopped: Promise<boolean> | undefined;

  private constructor(
    private readonly config: Config,
    private readonly log: ProcessLog,
    private readonly drain: Drain,
    private readonly parts: Parts,
  ) {}

  /** @throws {StartupError} among others, before anything is answered. */
  static async start(config: Config, log: ProcessLog): Promise<RegistryProcess> {
    const { http } = config;
    const drain = new Drain();
    const { listener, certificates } = await createListener(http, log);
    const driver = await storageOf(config, log);
    const readonly = config.storage.maintenance.readonly.enabled;
    const secrets = await HttpSecrets.open(http, { driver, log, readonly });
    const cache = await ProcessCache.open(config, { driver, secrets: secrets.signing, log });
    const access = AccessLog.create(config.log, log);
    const logged = (handler: RequestListener, lines: AccessLog) =>
      loggedHandler(handler, lines, (request) => urls.clientAddress(request));
    const app = await createApp({
      config,
      log,
      driver,
      drain,
      secrets: secrets.signing,
      cache: cache.content,
      facts: {
        notices: () => ({ ...secrets.notices(), ...cache.notices() }),
        measured: [
          reloadFailures(() => [certificates, secrets.watcher, app.get(AccessController).accounts]),
          secrets.measured,
          ...cache.measured,
        ],
        checks: cache.checks,
      },
      createServer: (handler) => listener.createServer(access ? logged(handler, access) : handler),
    });
    const urls = app.get(PublicUrl);
    // Listening is the listener's, so that the application must be told to get ready.
    await app.getHttpAdapter().getInstance().ready();
    const watchdog = new ProgressWatchdog(http.limits, listener.underWay, log);
    watchdog.start();
    await listener.listen();
    if (sharesUploads(config)) secrets.compare();
    return new RegistryProcess(config, log, drain, {
      app,
      listener,
      watchdog,
      certificates,
      secrets,
      cache,
      driver,
    });
  }

  /** What it tells of itself at the debug address. */
  get reporter(): ProcessReporter {
    return this.parts.app.get(ProcessReporter);
  }

  /** Takes into use what may change while running. */
  async reload({ log, http }: Config): Promise<void> {
    const { certificates, secrets } = this.parts;
    this.log.level = log.level;
    await Promise.all([certificates?.look(), secrets.reload(http)]);
  }

  /**
   * Drains, then lets go of everything. Whether every request was finished. Called again: hurries.
   */
  stop(): Promise<boolean> {
    if (this.#stopped !== undefined) this.#hurry.abort();
    return (this.#stopped ??= this.#stop());
  }

  async #stop(): Promise<boolean> {
    const { app, listener, watchdog, certificates, secrets, cache, driver } = this.parts;
    const options = { hurry: this.#hurry.signal, log: this.log };
    const finished = await drainDoor(listener, this.config.http, this.drain, options);
    watchdog.stop();
    certificates?.stop();
    secrets.stop();
    await app.close();
    await cache.close();
    await driver.close();
    this.log.flush();
    return finished;
  }
}

async function storageOf({ storage }: Config, log: ProcessLog): Promise<StorageDriver> {
  try {
    const readonly = storage.maintenance.readonly.enabled;
    return await connectDriver(storage.driver, { spool: storage.spool, readonly, log });
  } catch (error) {
    if (!(error instanceof StorageUnavailable)) throw error;
    const { driver } = storage.driver;
    const key = driver === 'filesystem' ? 'storage.filesystem.rootdirectory' : `storage.${driver}`;
    throw new StartupError(key, error.reason, { cause: error });
  }
}

/** Whether another process may get to go on with an upload of this one. */
function sharesUploads({ storage }: Config): boolean {
  return storage.driver.driver !== 'inmemory' && !storage.maintenance.readonly.enabled;
}
