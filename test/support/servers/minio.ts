import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { type ListenOptions, listenOn } from './real-server.js';
import { S3Server } from './s3-server.js';
import { answersOk, serverEnvironment, ServerProcess } from './server-process.js';

const credentials = { accessKey: 'minio', secretKey: 'minio12345' };

/** S3 as most tests use it. It ignores `If-Match` on a delete, and lists multipart uploads by exact key only. */
export class Minio extends S3Server {
  static async start(folder: string, options: ListenOptions = {}): Promise<Minio> {
    const { host } = await listenOn(options);
    const data = join(folder, 'minio');
    await mkdir(data, { recursive: true });
    const process = await ServerProcess.start({
      program: 'minio',
      args: ['server', data, '--address', host, '--quiet'],
      env: serverEnvironment({
        HOME: folder,
        MINIO_ROOT_USER: credentials.accessKey,
        MINIO_ROOT_PASSWORD: credentials.secretKey,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
      }),
      log: join(folder, 'minio.log'),
      ready: () => answersOk(`http://${host}/minio/health/ready`),
    });
    return new Minio(`http://${host}`, credentials, [process]);
  }
}
