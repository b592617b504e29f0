import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { Unauthorized } from '#oci/errors.js';
import { Log } from '#telemetry/log.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { AccessController } from './access-controller.js';
import type { AuthConfig } from './auth-config.js';
import { AuthModule } from './auth.module.js';
import type { FirstAccount } from './htpasswd/create-htpasswd-file.js';

@Module({})
class LogModule {}

async function withAccessController(
  config: AuthConfig,
  use: (access: AccessController, shown: FirstAccount[]) => Promise<void>,
): Promise<void> {
  const shown: FirstAccount[] = [];
  const log = {
    module: LogModule,
    global: true,
    providers: [{ provide: Log, useValue: new RecordingLog() }],
    exports: [Log],
  };
  const app = await NestFactory.createApplicationContext(
    { module: LogModule, imports: [log, AuthModule.register(config, (one) => shown.push(one))] },
    { logger: false, abortOnError: false },
  );
  try {
    await use(app.get(AccessController), shown);
  } finally {
    await app.close();
  }
}

describe('AuthModule', () => {
  it('lets everybody in with none', async () => {
    await withAccessController({ scheme: 'none' }, async (access) => {
      expect((await access.authorize({ authorization: undefined, required: [] })).subject).toBe('');
    });
  });

  it('wants any header with silly', async () => {
    await withAccessController({ scheme: 'silly', realm: 'r', service: 's' }, async (access) => {
      await expect(access.authorize({ authorization: undefined, required: [] })).rejects.toThrow(
        Unauthorized,
      );
      expect((await access.authorize({ authorization: 'x', required: [] })).subject).toBe('silly');
    });
  });

  it('makes a missing htpasswd file, shows the account once, and lets it in', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'htpasswd-'));
    const config = { scheme: 'htpasswd', realm: 'r', path: join(folder, 'htpasswd') } as const;
    try {
      const shownAtFirst: FirstAccount[] = [];
      await withAccessController(config, async (_access, shown) => {
        shownAtFirst.push(...shown);
      });
      expect(shownAtFirst).toMatchObject([{ user: 'docker' }]);
      await withAccessController(config, async (access, shown) => {
        expect(shown).toEqual([]);
        const credentials = Buffer.from(`docker:${shownAtFirst[0]?.password}`).toString('base64');
        expect(
          (await access.authorize({ authorization: `Basic ${credentials}`, required: [] })).subject,
        ).toBe('docker');
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
