import { stat } from 'node:fs/promises';

import { defaultTimeout, type HealthCheck } from '../health-check.js';
import type { HealthConfig } from '../health-config.js';

/** Fails while a file exists: the switch with which a person takes a replica out of service. */
export function fileCheck({
  file,
  interval,
  threshold,
}: HealthConfig['file'][number]): HealthCheck {
  return {
    name: file,
    interval,
    threshold,
    timeout: defaultTimeout,
    run: async () => {
      if (await exists(file)) throw new Error('file exists');
    },
  };
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
