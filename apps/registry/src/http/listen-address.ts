import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

import { StartupError } from '../startup-error.js';
import type { HttpConfig } from './http-config.js';

/** What Node's `listen` takes. */
export type ListenAddress =
  | { readonly host?: string; readonly port: number }
  | { readonly path: string };

/** `http.addr` as Go reads it: `:5000` is all interfaces of both families, `[::1]:5000` has brackets. */
export function listenAddress({ addr, net }: Pick<HttpConfig, 'addr' | 'net'>): ListenAddress {
  if (net === 'unix') return { path: addr };
  const colon = addr.lastIndexOf(':');
  const host = addr.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(addr.slice(colon + 1));
  return host === '' ? { port } : { host, port };
}

/** Whether only this machine can reach the address. */
export function isLoopback(address: ListenAddress): boolean {
  if ('path' in address) return true;
  const { host = '' } = address;
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** Removes the socket that a process left behind which no longer answers. */
export async function removeStaleSocket(address: ListenAddress, key: string): Promise<void> {
  if (!('path' in address)) return;
  const { path } = address;
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new StartupError(key, `${path} is there and is no socket`);
  if (await answers(path)) throw new StartupError(key, `${path} is in use by another process`);
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const finish = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => finish(true)).once('error', () => finish(false));
  });
}

/** A failed `listen` in words. */
export function listenError(error: NodeJS.ErrnoException, key: string, addr: string): StartupError {
  const problem: Readonly<Record<string, string>> = {
    EADDRINUSE: `${addr} is in use by another process; stop it or set another address`,
    EACCES: `no permission to listen on ${addr}; a port below 1024 needs a privilege`,
    EADDRNOTAVAIL: `${addr} is no address of this machine`,
    ENOTFOUND: `${addr} names no known host`,
    ENOENT: `the folder of ${addr} does not exist`,
  };
  return new StartupError(key, problem[error.code ?? ''] ?? `${addr}: ${error.message}`, {
    cause: error,
  });
}
