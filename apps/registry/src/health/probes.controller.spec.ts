import { afterEach, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { SigningSecrets } from '#content/uploads/signing-secrets.js';
import { MemoryDriver } from '#storage/memory/memory-driver.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { createApp } from '../app.js';
import { configSchema } from '../config.js';
import { Drain } from '../http/drain.js';

/** Counts what the check of the storage costs it. */
class CountingDriver extends MemoryDriver {
  lists = 0;
  readonly listed = Promise.withResolvers<void>();

  override async list(path: string) {
    this.lists++;
    this.listed.resolve();
    return super.list(path);
  }
}

describe('probes', () => {
  let app: NestFastifyApplication | undefined;
  afterEach(async () => {
    await app?.close();
  });

  async function started(health: object = {}) {
    const driver = new CountingDriver();
    const drain = new Drain();
    app = await createApp({
      config: configSchema.parse({ version: '0.1', storage: { inmemory: {} }, health }),
      log: new RecordingLog(),
      driver,
      drain,
      secrets: await SigningSecrets.load(driver, ['secret']),
    });
    const asked = app;
    const ask = async (path: string) => {
      const { statusCode, body } = await asked.inject({ method: 'GET', url: path });
      return `${statusCode} ${body}`;
    };
    const becomesReady = async () => {
      await driver.listed.promise;
      while (!(await ask('/readyz')).startsWith('200')) await new Promise(setImmediate);
    };
    return { driver, drain, ask, becomesReady };
  }

  it('are good from the start, which needed the storage', async () => {
    const { driver, ask } = await started();
    for (const path of ['/readyz', '/livez', '/startupz']) {
      expect(await ask(path)).toBe('200 {"status":"ok"}');
    }
    expect(driver.lists).toBe(0);
  });

  it('are unready until a check of anything else has passed', async () => {
    const { ask, becomesReady } = await started({ file: [{ file: '/nowhere/at/all' }] });
    expect(await ask('/readyz')).toBe('503 {"status":"error"}');
    expect(await ask('/livez')).toBe('200 {"status":"ok"}');
    await becomesReady();
  });

  it('cost no storage call, however many come (row K5)', async () => {
    const { driver, ask, becomesReady } = await started();
    await becomesReady();
    for (const path of ['/readyz', '/livez', '/startupz']) {
      const answers = await Promise.all(Array.from({ length: 1000 }, () => ask(path)));
      expect(new Set(answers)).toEqual(new Set(['200 {"status":"ok"}']));
    }
    expect(driver.lists).toBe(1);
  });

  it('are ready at once where nothing is checked', async () => {
    const { driver, ask } = await started({ storagedriver: { enabled: false } });
    expect(await ask('/readyz')).toBe('200 {"status":"ok"}');
    expect(driver.lists).toBe(0);
  });

  it('are unready from the moment the process drains (row K4)', async () => {
    const { drain, ask, becomesReady } = await started();
    await becomesReady();
    drain.begin();
    expect(await ask('/readyz')).toBe('503 {"status":"shutting_down"}');
    expect(await ask('/livez')).toBe('200 {"status":"ok"}');
    expect(await ask('/')).toBe('200 ');
  });
});
