import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { run } from '../process.js';
import { freePorts, startAll } from './real-server.js';
import { S3Server } from './s3-server.js';
import { answersOk, listens, type ServerCommand, serverEnvironment } from './server-process.js';
import {
  type KeystoneAccess,
  proxyFile,
  ringScript,
  ringServerFile,
  ringServers,
  swiftFile,
} from './swift-files.js';

export interface SwiftOptions {
  /** Speaks S3 too, at the same address, as old servers do: without conditional writes. */
  readonly s3api?: boolean;
  /** Has Keystone look at tokens, and hands out none itself. */
  readonly keystone?: KeystoneAccess;
}

export interface SwiftLogin {
  readonly storageUrl: string;
  readonly token: string;
}

const account = 'test';
const name = 'tester';
const key = 'testing';

/** OpenStack Swift with a proxy, one server each for accounts, containers and objects, and the first version of its login. */
export class Swift extends S3Server {
  readonly user = `${account}:${name}`;
  readonly key = key;

  static async start(
    folder: string,
    { s3api = false, keystone }: SwiftOptions = {},
  ): Promise<Swift> {
    const root = join(folder, 'swift');
    await mkdir(join(root, 'dev', 'sd1'), { recursive: true });
    await mkdir(join(root, 'recon'));
    await writeFile(join(root, 'swift.conf'), swiftFile);
    const [port = 0, memcached = 0, ...ports] = await freePorts(2 + ringServers.length);
    const proxy = join(root, 'proxy.conf');
    await writeFile(
      proxy,
      proxyFile({ port, root, memcached, s3api, account, user: name, key, keystone }),
    );
    const commands = [
      cacheCommand(folder, memcached),
      pythonCommand(folder, 'swift-proxy-server', proxy, port),
    ];
    const rings: string[] = [];
    for (const [index, server] of ringServers.entries()) {
      const own = ports[index] ?? 0;
      const file = join(root, `${server}.conf`);
      await writeFile(file, ringServerFile(server, own, root));
      commands.push(pythonCommand(folder, `swift-${server}-server`, file, own));
      rings.push(`${server}:${own}`);
    }
    await run('/usr/bin/python3', ['-c', ringScript, root, ...rings]);
    const processes = await startAll(commands);
    const credentials = { accessKey: `${account}:${name}`, secretKey: key };
    return new Swift(`http://127.0.0.1:${port}`, credentials, processes);
  }

  /** Where clients log in. */
  get authUrl(): string {
    return `${this.endpoint}/auth/v1.0`;
  }

  /** @param authUrl another address of the same, such as a proxy's, which then is in the storage's address too. */
  async login(authUrl = this.authUrl): Promise<SwiftLogin> {
    const response = await fetch(authUrl, {
      headers: { 'x-auth-user': this.user, 'x-auth-key': this.key },
    });
    const storageUrl = response.headers.get('x-storage-url');
    const token = response.headers.get('x-auth-token');
    if (storageUrl === null || token === null) {
      throw new Error(`login: ${response.status} ${await response.text()}`);
    }
    return { storageUrl, token };
  }

  async makeContainer(container: string): Promise<void> {
    const { storageUrl, token } = await this.login();
    const response = await fetch(`${storageUrl}/${container}`, {
      method: 'PUT',
      headers: { 'x-auth-token': token },
    });
    if (!response.ok) {
      throw new Error(`container ${container}: ${response.status} ${await response.text()}`);
    }
  }
}

function pythonCommand(folder: string, program: string, file: string, port: number): ServerCommand {
  return {
    program,
    // Verbose means to standard output: there is no syslog.
    args: [file, '-v'],
    env: serverEnvironment({ HOME: folder }),
    log: join(folder, `${program}.log`),
    ready: () => answersOk(`http://127.0.0.1:${port}/healthcheck`),
  };
}

/** The proxy keeps its tokens there, and lets nobody in without it. */
function cacheCommand(folder: string, port: number): ServerCommand {
  return {
    program: 'memcached',
    args: ['-u', 'root', '-l', '127.0.0.1', '-p', String(port), '-m', '16'],
    env: serverEnvironment(),
    log: join(folder, 'memcached.log'),
    ready: () => listens(port),
  };
}
