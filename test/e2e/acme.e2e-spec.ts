import { readdir, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect, type PeerCertificate } from 'node:tls';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { TestAuthority } from '#registry/http/testing/certificates.js';

import { describeWith } from '../components/components.js';
import { commandLine } from '../support/command-line.js';
import { freePort } from '../support/free-port.js';
import { holdfastProgram } from '../support/holdfast.js';
import { RunningProcess } from '../support/process.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

jest.setTimeout(120_000);

const hosts = ['registry.test', 'mirror.registry.test'];

describeWith(
  ['pebble', 'pebble-challtestsrv'],
  "certificates by Let's Encrypt's protocol",
  (paths) => {
    let folder: TempDir;
    let names: RunningProcess;
    let service: RunningProcess;
    let authority: TestAuthority;
    let port: number;
    let directory: string;
    let management: string;
    const started: RunningProcess[] = [];

    beforeAll(async () => {
      folder = await TempDir.create('acme');
      authority = await TestAuthority.create();
      const { cert, key } = await authority.issue(['localhost', '127.0.0.1']);
      await writeFile(folder.join('ca.pem'), authority.pem);
      await writeFile(folder.join('service.pem'), cert);
      await writeFile(folder.join('service.key'), key);
      port = await freePort();
      const [api, manage, dns, control] = await Promise.all([1, 2, 3, 4].map(() => freePort()));
      directory = `https://localhost:${api}/dir`;
      management = `https://localhost:${manage}`;
      const pebble = {
        listenAddress: `127.0.0.1:${api}`,
        managementListenAddress: `127.0.0.1:${manage}`,
        certificate: folder.join('service.pem'),
        privateKey: folder.join('service.key'),
        httpPort: await freePort(),
        tlsPort: port,
        ocspResponderURL: '',
        externalAccountBindingRequired: false,
      };
      await writeFile(folder.join('pebble.json'), JSON.stringify({ pebble }));
      names = await RunningProcess.start(
        paths['pebble-challtestsrv'],
        commandLine`-defaultIPv4 127.0.0.1 -dns01 ${`127.0.0.1:${dns}`} -management ${`127.0.0.1:${control}`}
        ${['-defaultIPv6', '', '-http01', '', '-https01', '', '-tlsalpn01', '']}`,
      );
      service = await RunningProcess.start(
        paths.pebble,
        ['-config', folder.join('pebble.json'), '-dnsserver', `127.0.0.1:${dns}`],
        { env: { ...process.env, PEBBLE_VA_NOSLEEP: '1' } },
      );
      await service.waitForPort(Number(api));
    });
    afterAll(async () => {
      await Promise.all(started.map((registry) => registry.stop()));
      await service?.stop();
      await names?.stop();
      await folder?.remove();
    });

    async function start(): Promise<RunningProcess> {
      const config = {
        version: 0.1,
        storage: { filesystem: { rootdirectory: folder.join('data') } },
        http: {
          addr: `127.0.0.1:${port}`,
          workers: 2,
          drainwait: '0s',
          tls: {
            letsencrypt: {
              cachefile: folder.join('cache'),
              email: 'somebody@example.com',
              hosts,
              directoryurl: directory,
            },
          },
        },
      };
      await writeFile(folder.join('config.yml'), JSON.stringify(config));
      return RunningProcess.start(
        process.execPath,
        [holdfastProgram, 'serve', folder.join('config.yml')],
        {
          env: { ...process.env, NODE_EXTRA_CA_CERTS: folder.join('ca.pem') },
        },
      );
    }

    it('orders a certificate, which every worker uses and the next start finds', async () => {
      const registry = await start();
      await registry.waitForLine(/certificate ordered/, 60_000);
      const ca = await fetchText(`${management}/roots/0`, authority.pem);
      await until('all workers to use it', async () => {
        const seen = await Promise.all(Array.from({ length: 8 }, () => statusOf(port, ca)));
        return seen.every((status) => status === 200);
      });
      const certificate = await certificateOf(port, ca);
      expect(certificate.subjectaltname?.split(', ').toSorted()).toEqual(
        hosts.map((host) => `DNS:${host}`).toSorted(),
      );
      expect(await readdir(folder.join('cache', 'challenges'))).toEqual([]);
      expect((await stat(folder.join('cache', 'certificate.pem'))).mode & 0o077).toBe(0);
      await registry.stop();

      const again = await start();
      await again.waitForLine(/serving/);
      expect((await certificateOf(port, ca)).serialNumber).toBe(certificate.serialNumber);
      await again.stop();
      expect(again.output).not.toContain('certificate ordered');
    });
  },
);

function fetchText(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { ca, agent: false }, (answer) => void text(answer).then(resolve, reject))
      .on('error', reject)
      .end();
  });
}

function statusOf(port: number, ca: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const options = {
      port,
      host: '127.0.0.1',
      servername: hosts[0],
      path: '/v2/',
      ca,
      agent: false,
    };
    request(options, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', () => resolve(undefined))
      .end();
  });
}

function certificateOf(port: number, ca: string): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: hosts[0] ?? '', ca }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
