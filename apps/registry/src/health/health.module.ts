import { type DynamicModule, Module } from '@nestjs/common';

import { StorageDriver } from '#storage/storage-driver.js';
import { Log } from '#telemetry/log.js';

import { Drain } from '../http/drain.js';
import { ProcessMetrics } from '../metrics/process-metrics.js';
import { fileCheck } from './checks/file-check.js';
import { httpCheck } from './checks/http-check.js';
import { storageCheck } from './checks/storage-check.js';
import { tcpCheck } from './checks/tcp-check.js';
import type { HealthCheck } from './health-check.js';
import type { HealthConfig } from './health-config.js';
import { Health } from './health.js';
import { PeriodicCheck } from './periodic-check.js';
import { ProbesController } from './probes.controller.js';
import type { ProcessFacts } from './process-facts.js';
import { ProcessReporter } from './process-reports.js';

/** Needs a `StorageDriver`, a `Log` and the process's `Drain` from elsewhere. */
@Module({})
export class HealthModule {
  static register(
    config: HealthConfig,
    { notices, measured, checks = [] }: ProcessFacts = {},
  ): DynamicModule {
    return {
      module: HealthModule,
      controllers: [ProbesController],
      providers: [
        {
          provide: Health,
          useFactory: (driver: StorageDriver, drain: Drain, log: Log) =>
            new Health(
              [...checksOf(config, driver), ...checks].map(
                (check) => new PeriodicCheck(check, log),
              ),
              drain,
              notices,
            ),
          inject: [StorageDriver, Drain, Log],
        },
        {
          provide: ProcessReporter,
          useFactory: (health: Health) => new ProcessReporter(health, new ProcessMetrics(measured)),
          inject: [Health],
        },
      ],
      exports: [Health, ProcessReporter],
    };
  }
}

function checksOf(
  { storagedriver, file, http, tcp }: HealthConfig,
  driver: StorageDriver,
): HealthCheck[] {
  return [
    ...(storagedriver.enabled ? [storageCheck(driver, storagedriver)] : []),
    ...file.map(fileCheck),
    ...http.map(httpCheck),
    ...tcp.map(tcpCheck),
  ];
}
