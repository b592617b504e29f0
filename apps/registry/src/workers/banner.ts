import { resolve } from 'node:path';

import type { Config } from '../config.js';
import { isLoopback, listenAddress } from '../http/listen-address.js';
import { usesTls } from '../http/tls-settings.js';

/** What a person who starts the registry wants to read: what is served where, kept where, to whom, and how to begin. */
export function banner(config: Config, workers: number): readonly string[] {
  const { http } = config;
  const url = publicUrl(config);
  const lines = [
    `Holdfast serves ${url} on ${where(http)} with ${workers === 1 ? '1 process' : `${workers} workers`}.`,
    `  storage         ${storage(config)}`,
    `  authentication  ${authentication(config)}`,
  ];
  if (http.debug.addr !== undefined)
    lines.push(`  health          http://${http.debug.addr}/debug/health`);
  if (http.net === 'tcp') {
    const name = `${url.replace(/^https?:\/\//, '')}/hello-world`;
    lines.push(
      `  first image     docker pull hello-world && docker tag hello-world ${name} && docker push ${name}`,
    );
  }
  if (config.auth.scheme === 'none' && !isLoopback(listenAddress(http))) {
    lines.push(
      '',
      `Warning: no authentication is configured, and ${http.addr} is reachable from other machines: whoever reaches it may push`,
      'and delete. Set auth.htpasswd (holdfast htpasswd makes the file), or http.addr: 127.0.0.1:5000.',
    );
  }
  return lines;
}

function publicUrl({ http }: Config): string {
  if (http.host !== undefined) return http.host.replace(/\/$/, '');
  const scheme = usesTls(http.tls) ? 'https' : 'http';
  const address = listenAddress(http);
  if ('path' in address) return `${scheme}+unix:${address.path}`;
  const { host = '', port } = address;
  const named = ['', '0.0.0.0', '::'].includes(host) ? 'localhost' : host;
  return `${scheme}://${named.includes(':') ? `[${named}]` : named}:${port}`;
}

function where(http: Config['http']): string {
  const address = listenAddress(http);
  if ('path' in address) return address.path;
  const { host = '' } = address;
  return ['', '0.0.0.0', '::'].includes(host) ? `all interfaces (${http.addr})` : http.addr;
}

function storage({ storage }: Config): string {
  switch (storage.driver.driver) {
    case 'filesystem':
      return `${resolve(storage.driver.rootdirectory)} (files)`;
    case 'inmemory':
      return 'memory: gone when the process ends';
    case 's3':
      return `bucket ${storage.driver.bucket} (S3)`;
    case 'azure':
      return `container ${storage.driver.container} (Azure)`;
    case 'gcs':
      return `bucket ${storage.driver.bucket} (Google Cloud)`;
    case 'swift':
      return `container ${storage.driver.container} (Swift)`;
  }
}

function authentication({ auth }: Config): string {
  switch (auth.scheme) {
    case 'htpasswd':
      return `accounts in ${auth.path}`;
    case 'silly':
      return 'silly: any Authorization header is let in; for development only';
    case 'none':
      return 'none: everybody may pull, push and delete';
  }
}
