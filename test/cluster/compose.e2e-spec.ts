import { readFile } from 'node:fs/promises';

import { expect, it } from '@jest/globals';
import { parse } from 'yaml';

import { loadRegistryConfig } from '#registry/load-config.js';

import { describeWith } from '../components/components.js';
import { projectRoot } from '../support/holdfast.js';
import { run } from '../support/process.js';
import { TempDir } from '../support/temp-dir.js';

const folder = `${projectRoot}deploy/compose`;

interface Composed {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly environment?: Readonly<Record<string, string>>;
        readonly volumes?: readonly string[];
      }
    >
  >;
}

describeWith(['docker-compose', 'haproxy'], 'the cluster of deploy/compose', (paths) => {
  const composed = async () => {
    const docker = paths['docker-compose'];
    return parse(await run(docker, ['-f', `${folder}/compose.yml`, 'config'])) as Composed;
  };

  it('is a file that docker compose takes, with all that it names', async () => {
    const { services } = await composed();
    expect(Object.keys(services).sort()).toEqual([
      'load-balancer',
      'minio',
      'redis',
      'replica-1',
      'replica-2',
      'replica-3',
    ]);
    const mounted = Object.values(services)
      .flatMap(({ volumes = [] }) => volumes)
      .flatMap((volume) => (volume.startsWith('/') ? [volume.split(':', 1)[0] ?? ''] : []));
    expect(mounted.length).toBeGreaterThan(0);
    for (const file of mounted) expect((await readFile(file)).length).toBeGreaterThan(0);
  });

  it('gives each replica a configuration that it takes without a warning', async () => {
    const { services } = await composed();
    const env = services['replica-1']?.environment ?? {};
    const { config, warnings } = loadRegistryConfig({ env, path: `${folder}/holdfast.yml` });
    expect(warnings).toEqual([]);
    expect(config.storage.driver.driver).toBe('s3');
    expect(config.replicas).toBe(3);
  });

  it('has a load balancer whose file HAProxy takes, with every replica in it', async () => {
    const temporary = await TempDir.create('compose');
    try {
      const text = await readFile(`${folder}/haproxy.cfg`, 'utf8');
      await run(paths.haproxy, ['-c', '-f', `${folder}/haproxy.cfg`]);
      for (const name of ['replica-1', 'replica-2', 'replica-3']) {
        expect(text).toContain(`server ${name} ${name}:5000 check`);
      }
    } finally {
      await temporary.remove();
    }
  });
});
