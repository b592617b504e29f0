import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { component } from '../../components/component.js';
import { freePort } from '../../support/free-port.js';
import { holdfastProgram } from '../../support/holdfast.js';
import { RunningProcess } from '../../support/process.js';
import { answersOk } from '../../support/servers/server-process.js';
import type { Bucket } from '../servers/server.js';

/** Whose calls are counted, and with which memory. */
export const subjects = [
  'distribution-memory',
  'distribution',
  'holdfast',
  'holdfast-redis',
] as const;
export type Subject = (typeof subjects)[number];

export const subjectTitles: Readonly<Record<Subject, string>> = {
  'distribution-memory': 'Distribution 3.1.1, its memory cache',
  distribution: 'Distribution 3.1.1, no cache',
  holdfast: 'Holdfast, no Redis',
  'holdfast-redis': 'Holdfast, Redis',
};

export const isHoldfastSubject = (subject: Subject): boolean => subject.startsWith('holdfast');

/** Starts it with nothing that asks the bucket of its own accord: no health checks, no purges. */
export async function startSubject(
  subject: Subject,
  { bucket, redis, folder }: { bucket: Bucket; redis: string | undefined; folder: string },
): Promise<{ readonly url: string; readonly process: RunningProcess }> {
  const host = `127.0.0.1:${await freePort()}`;
  const file = join(folder, `${subject}.yml`);
  await writeFile(file, stringify(configuration(subject, { host, bucket, redis })));
  const [program = '', ...args] = command(subject);
  const process = await RunningProcess.start(program, [...args, file], {
    cwd: folder,
    env: environment(),
  });
  const url = `http://${host}`;
  await process.waitUntil(`${subject} to serve`, () => answersOk(`${url}/v2/`));
  return { url, process };
}

function command(subject: Subject): string[] {
  if (isHoldfastSubject(subject)) {
    const entry = process.env['HOLDFAST_ENTRY'] ?? holdfastProgram;
    return [process.execPath, entry, 'serve'];
  }
  const registry = component('registry');
  if (registry === undefined)
    throw new Error('registry is not installed: run test/components/install');
  return [registry, 'serve'];
}

function configuration(
  subject: Subject,
  { host, bucket, redis }: { host: string; bucket: Bucket; redis: string | undefined },
): object {
  const cache = {
    'distribution-memory': { blobdescriptor: 'inmemory' },
    distribution: undefined,
    holdfast: { blobdescriptor: 'inmemory' },
    'holdfast-redis': { blobdescriptor: 'redis' },
  }[subject];
  return {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      s3: {
        regionendpoint: bucket.endpoint,
        region: bucket.region,
        bucket: bucket.name,
        forcepathstyle: true,
        secure: false,
        accesskey: bucket.accessKey,
        secretkey: bucket.secretKey,
      },
      delete: { enabled: true },
      maintenance: { uploadpurging: { enabled: false } },
      ...(cache && { cache }),
    },
    http: {
      addr: host,
      secret: 'the same for all who share a bucket',
      ...(isHoldfastSubject(subject) && { workers: 1 }),
    },
    health: { storagedriver: { enabled: false } },
    ...(subject === 'holdfast-redis' && { redis: { addrs: [redis] } }),
  };
}

function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('REGISTRY_') && !name.startsWith('AWS_'),
  );
  return { ...Object.fromEntries(own), OTEL_TRACES_EXPORTER: 'none' };
}
