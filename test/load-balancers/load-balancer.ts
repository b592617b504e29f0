import { mkdir, readFile, writeFile } from 'node:fs/promises';

import { TestAuthority } from '#registry/http/testing/certificates.js';

import { freePort } from '../support/free-port.js';
import { projectRoot } from '../support/holdfast.js';
import { RunningProcess } from '../support/process.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

export type Kind = 'nginx' | 'haproxy' | 'httpd';

export interface LoadBalancerOptions {
  /** Below `deploy/load-balancers`, if not the file for the kind. */
  readonly file?: string;
  /** What the test has different from the published file. */
  readonly change?: (text: string, folder: TempDir) => string;
}

const published: Readonly<Record<Kind, string>> = {
  nginx: 'nginx.conf',
  haproxy: 'haproxy.cfg',
  httpd: 'httpd.conf',
};
const modules = ['mpm_event', 'authz_core', 'ssl', 'proxy', 'proxy_http', 'headers'];

/** A load balancer with the configuration that we publish, but for addresses and files. */
export class LoadBalancer {
  private constructor(
    /** `localhost:PORT` */
    readonly host: string,
    /** The authority that its certificate is from, in PEM. */
    readonly authority: string,
    readonly folder: TempDir,
    private readonly process: RunningProcess,
  ) {}

  static async start(
    kind: Kind,
    program: string,
    backend: string,
    { file = published[kind], change = (text) => text }: LoadBalancerOptions = {},
  ): Promise<LoadBalancer> {
    const folder = await TempDir.create(kind);
    try {
      const port = await freePort();
      const authority = await TestAuthority.create();
      const { cert, key } = await authority.issue(['localhost', '127.0.0.1']);
      const certificate = folder.join('registry.pem');
      await writeFile(certificate, kind === 'haproxy' ? cert + '\n' + key : cert);
      await writeFile(folder.join('registry.key'), key);
      await mkdir(folder.join('authority'));
      await writeFile(folder.join('authority', 'ca.crt'), authority.pem);
      const text = await readFile(`${projectRoot}deploy/load-balancers/${file}`, 'utf8');
      const here = change(text, folder)
        .replaceAll('127.0.0.1:5000', backend)
        .replaceAll(/\/etc\/\w+\/certs\//g, `${folder.path}/`)
        .replace('listen 443', `listen 127.0.0.1:${port}`)
        .replace('bind :443', `bind 127.0.0.1:${port}`)
        .replace('<VirtualHost *:443>', `<VirtualHost 127.0.0.1:${port}>`);
      const config = folder.join('config');
      await writeFile(config, around(kind, here, folder, port));
      // A balancer that asks once too early takes the backend for down, and waits before it asks again.
      await until(`${backend} to be ready`, () => isReady(backend));
      const child = await RunningProcess.start(program, commandOf(kind, config));
      await child.waitForPort(port);
      return new LoadBalancer(`localhost:${port}`, authority.pem, folder, child);
    } catch (error) {
      await folder.remove();
      throw error;
    }
  }

  get url(): string {
    return `https://${this.host}`;
  }

  async stop(): Promise<void> {
    await this.process.stop();
    await this.folder.remove();
  }
}

/** What the published file leaves to the installation. */
function around(kind: Kind, text: string, folder: TempDir, port: number): string {
  switch (kind) {
    case 'haproxy':
      return text;
    case 'nginx': {
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((name) => `${name}_temp_path ${folder.join(name)};`)
        .join(' ');
      return `daemon off; user root; pid ${folder.join('pid')}; error_log stderr;
events { worker_connections 1024; }
http { access_log off; ${temporary}
${text}
}`;
    }
    case 'httpd':
      return `ServerRoot ${folder.path}
DefaultRuntimeDir ${folder.path}
PidFile ${folder.join('pid')}
ErrorLog ${folder.join('error.log')}
Listen 127.0.0.1:${port}
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
User www-data
Group www-data
ServerName localhost
${text}`;
  }
}

function commandOf(kind: Kind, config: string): readonly string[] {
  switch (kind) {
    case 'nginx':
      return ['-c', config];
    case 'haproxy':
      return ['-f', config, '-db'];
    case 'httpd':
      return ['-f', config, '-DFOREGROUND'];
  }
}

async function isReady(backend: string): Promise<boolean> {
  return (await fetch(`http://${backend}/readyz`)).status === 200;
}
