/** A port of a host. */
export interface HostAddress {
  readonly host: string;
  readonly port: number;
}

/** Where a server listens: a port, or a socket in the file system. */
export type RedisAddress = HostAddress | { readonly path: string };

/** `redis:6379`, `[::1]:6379`, `:6379` (this machine), `redis` (the usual port) or `/run/redis.sock`; undefined for anything else. */
export function parseAddress(text: string, usualPort: number): RedisAddress | undefined {
  if (text.startsWith('/')) return { path: text };
  const parts = /^(?:\[(?<v6>[\da-fA-F:.]+)\]|(?<name>[\w.-]*))(?::(?<port>\d{1,5}))?$/.exec(text);
  const { v6, name, port } = parts?.groups ?? {};
  const number = port === undefined ? usualPort : Number(port);
  if (parts === null || number < 1 || number > 65_535) return undefined;
  const host = v6 ?? name ?? '';
  if (host === '' && port === undefined) return undefined;
  return { host: host === '' ? 'localhost' : host, port: number };
}

export function addressText(address: RedisAddress): string {
  if ('path' in address) return address.path;
  const { host, port } = address;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
