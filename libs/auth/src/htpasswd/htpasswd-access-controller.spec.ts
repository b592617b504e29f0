import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Unauthorized } from '#oci/errors.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { describeAccessController } from '../testing/access-controller.suite.js';
import { BcryptHash } from './bcrypt-hash.js';
import { HashingQueue } from './hashing-queue.js';
import { HtpasswdAccessController } from './htpasswd-access-controller.js';
import { HtpasswdFile } from './htpasswd-file.js';
import { PasswordVerifier } from './password-verifier.js';

const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`;

describe('HtpasswdAccessController', () => {
  let folder: string;
  let path: string;
  let file: HtpasswdFile;
  let controller: HtpasswdAccessController;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'htpasswd-'));
    path = join(folder, 'htpasswd');
    const lines = ['anna:secret', 'Büro:grüße', 'ci:a:b'].map(async (account) => {
      const [user = '', ...password] = account.split(':');
      return `${user}:${await BcryptHash.of(password.join(':'), 4)}`;
    });
    await writeFile(path, [...(await Promise.all(lines)), 'old:{SHA}x'].join('\n'));
    file = await HtpasswdFile.open(path, {
      interval: 3_600_000,
      settling: 1,
      show: () => {},
      log: new RecordingLog(),
    });
    controller = new HtpasswdAccessController('Registry', file);
  });
  afterAll(async () => {
    controller.onApplicationShutdown();
    await rm(folder, { recursive: true });
  });

  describeAccessController(() => ({
    controller,
    accepted: [
      [basic('anna:secret'), 'anna'],
      [basic('Büro:grüße'), 'Büro'],
      [basic('ci:a:b'), 'ci'],
    ],
    refused: [
      undefined,
      '',
      'Bearer secret',
      basic('anna:Secret'),
      basic('anna:secret '),
      basic('ANNA:secret'),
      basic('nobody:secret'),
      basic('old:x'),
      basic('anna'),
      `${basic('anna:secret')},${basic('anna:secret')}`,
    ],
  }));

  it('challenges with the realm', async () => {
    await expect(
      controller.authorize({ authorization: undefined, required: [] }),
    ).rejects.toMatchObject({
      challenge: 'Basic realm="Registry"',
    });
  });

  it('judges by the accounts that are there when the check ends', async () => {
    const turn = Promise.withResolvers<boolean>();
    const queue = new HashingQueue();
    const waiting = new HtpasswdAccessController('Registry', file, new PasswordVerifier(queue));
    const ahead = queue.run(() => turn.promise);
    const attempt = waiting.authorize({ authorization: basic('anna:secret'), required: [] });
    await controller.authorize({ authorization: basic('ci:a:b'), required: [] });
    await writeFile(path, '# nobody\n');
    await file.look();
    turn.resolve(true);
    await ahead;
    await expect(attempt).rejects.toThrow(Unauthorized);
    await expect(
      controller.authorize({ authorization: basic('ci:a:b'), required: [] }),
    ).rejects.toThrow(Unauthorized);
  });
});
