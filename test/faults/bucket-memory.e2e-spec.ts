import { expect, it } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { run } from '../support/process.js';
import { Minio } from '../support/servers/minio.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { processFile } from './registry-process.js';

const MiB = 1024 * 1024;

interface Results {
  readonly atStart: number;
  readonly most: number;
  readonly milliseconds: number;
  readonly dribbled: number;
}

describeWith(['minio'], 'the memory of uploads to a bucket', () => {
  const server = serverOfSuite((folder) => Minio.start(folder));

  it('is bounded, however many are fast and however many slow', async () => {
    await server().makeBucket('memory');
    const { accessKey: accesskey, secretKey: secretkey } = server().credentials;
    const config = { accesskey, secretkey, bucket: 'memory', regionendpoint: server().endpoint };
    const args = ['500', '64', String(16 * MiB)];
    const output = await run(process.execPath, [
      // As `npm start` does.
      '--max-semi-space-size=2',
      processFile('bucket-uploads'),
      JSON.stringify(config),
      ...args,
    ]);
    const results = JSON.parse(output) as Results;
    process.stdout.write(`${output}\n`);
    expect(results.dribbled).toBeGreaterThanOrEqual(500 * 4);
    expect(results.most).toBeLessThan(256 * MiB);
  }, 300_000);
});
