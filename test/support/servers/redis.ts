import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { TestAuthority } from '#registry/http/testing/certificates.js';

import { commandLine } from '../command-line.js';
import { run } from '../process.js';
import { type ListenOptions, listenOn, RealServer } from './real-server.js';
import { type ServerCommand, serverEnvironment, ServerProcess } from './server-process.js';

export interface RedisOptions extends ListenOptions {
  /** More arguments, such as `--maxmemory 64mb`; a later one wins over those that are always given. */
  readonly args?: readonly string[];
  /** The lines of an ACL file, such as `user holdfast on >s3cret ~holdfast:* +@all`. */
  readonly users?: readonly string[];
  /** Takes TLS only, with a certificate of an authority of its own. */
  readonly tls?: boolean;
  /** Tells several below one folder apart. */
  readonly name?: string;
}

/** For a queue, which must keep what it was given. */
export const queueArgs = commandLine`--appendonly yes --appendfsync everysec --maxmemory 64mb --maxmemory-policy noeviction`;
/**
 * For a cache, which may forget.
 *
 * @public
 */
export const cacheArgs = commandLine`--maxmemory 64mb --maxmemory-policy allkeys-lru`;

/** One Redis, which saves nothing unless its arguments say so. */
export class Redis extends RealServer {
  private constructor(
    readonly address: string,
    readonly port: number,
    /** The authority of its certificate in PEM, with TLS only. */
    readonly authority: string | undefined,
    private readonly client: readonly string[],
    process: ServerProcess,
  ) {
    super([process]);
  }

  static async start(folder: string, options: RedisOptions = {}): Promise<Redis> {
    const { name = 'redis', args = [], users, tls = false } = options;
    const { address, port } = await listenOn(options);
    const data = join(folder, name);
    await mkdir(data, { recursive: true });
    let client = commandLine`-h ${address} -p ${port}`;
    let more: readonly string[] = args;
    let authority: string | undefined;
    if (tls) {
      const files = await writeCertificates(data, address);
      authority = files.authority;
      client = [...client, '--tls', '--cacert', files.ca];
      more = commandLine`--tls-cert-file ${files.cert} --tls-key-file ${files.key}
        --tls-ca-cert-file ${files.ca} --tls-auth-clients optional ${more}`;
    }
    if (users !== undefined) {
      await writeFile(join(data, 'users.acl'), `${users.join('\n')}\n`);
      more = [...more, '--aclfile', join(data, 'users.acl')];
    }
    const listening = tls ? ['--port', '0', '--tls-port'] : ['--port'];
    const process = await ServerProcess.start({
      ...redisCommand(folder, name, [
        ...listening,
        ...commandLine`${port} --bind ${address}`,
        ...more,
      ]),
      ready: () => answersPing(client),
    });
    return new Redis(address, port, authority, client, process);
  }

  /** `ADDRESS:PORT` */
  get host(): string {
    return `${this.address}:${this.port}`;
  }

  /** What `redis-cli` prints; with ACL users, `--user` and `--pass` come first. */
  async command(...words: readonly string[]): Promise<string> {
    return redisCli(this.client, words);
  }
}

/** A server in a folder of its own, where Redis keeps and rewrites its files. */
export function redisCommand(
  folder: string,
  name: string,
  args: readonly string[],
): Omit<ServerCommand, 'ready'> {
  return {
    program: 'redis-server',
    // What comes last wins: a test may well save.
    args: ['--save', '', ...args, '--dir', join(folder, name)],
    env: serverEnvironment(),
    log: join(folder, `${name}.log`),
  };
}

export async function redisCli(
  client: readonly string[],
  words: readonly string[],
): Promise<string> {
  return (await run('/usr/bin/redis-cli', [...client, ...words])).trim();
}

/** It serves when it answers at all, if only that a password is wanted. */
export async function answersPing(client: readonly string[]): Promise<boolean> {
  try {
    return /^(PONG|NOAUTH)/.test(await redisCli(client, ['ping']));
  } catch {
    return false;
  }
}

async function writeCertificates(
  data: string,
  address: string,
): Promise<Readonly<Record<'authority' | 'ca' | 'cert' | 'key', string>>> {
  const files = {
    ca: join(data, 'ca.crt'),
    cert: join(data, 'redis.crt'),
    key: join(data, 'redis.key'),
  };
  const authority = await TestAuthority.create();
  const { cert, key } = await authority.issue(['localhost', address]);
  await writeFile(files.ca, authority.pem);
  await writeFile(files.cert, cert);
  await writeFile(files.key, key);
  return { ...files, authority: authority.pem };
}
