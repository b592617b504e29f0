import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { commandLine } from '../command-line.js';
import { type ListenOptions, listenOn } from './real-server.js';
import { S3Server } from './s3-server.js';
import { answersOk, serverEnvironment, ServerProcess } from './server-process.js';

const credentials = { accessKey: 'versity', secretKey: 'versity12345' };

/**
 * S3 over a folder, nearer to AWS than MinIO: a second Complete succeeds, and a delete compares. As in any folder, no key
 * may be the beginning of another's path.
 */
export class VersityGateway extends S3Server {
  static async start(folder: string, options: ListenOptions = {}): Promise<VersityGateway> {
    const { host } = await listenOn(options);
    const data = join(folder, 'versitygw');
    await mkdir(data, { recursive: true });
    const { accessKey, secretKey } = credentials;
    const process = await ServerProcess.start({
      program: 'versitygw',
      args: commandLine`--port ${host} --access ${accessKey} --secret ${secretKey}
        --health /health posix ${data}`,
      cwd: folder,
      env: serverEnvironment({ HOME: folder }),
      log: join(folder, 'versitygw.log'),
      ready: () => answersOk(`http://${host}/health`),
    });
    return new VersityGateway(`http://${host}`, credentials, [process]);
  }
}
