import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { hash } from 'bcrypt';

import { describeWith } from '../components/components.js';
import { freePort } from '../support/free-port.js';
import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { FollowingClient } from './following-client.js';
import { LoadBalancer, type LoadBalancerOptions } from './load-balancer.js';

jest.setTimeout(60_000);

describeWith(['nginx'], 'nginx', ({ nginx }) => {
  let registry: Holdfast;
  beforeAll(async () => {
    registry = await startHoldfast();
  });
  afterAll(() => registry?.stop());

  async function through(
    options: LoadBalancerOptions,
    use: (client: FollowingClient, balancer: LoadBalancer) => Promise<void>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const balancer = await LoadBalancer.start('nginx', nginx, registry.host, options);
    try {
      await use(new FollowingClient(balancer.url, balancer.authority, headers), balancer);
    } finally {
      await balancer.stop();
    }
  }

  it('L1: may take the slash from the end of /blobs/uploads/', async () => {
    const change = (text: string) =>
      text.replace('location / {', 'location / {\n rewrite ^(/v2/.*/blobs/uploads)/$ $1 break;');
    await through({ change }, async (client) => {
      expect(await client.pushAndPull('team/slash')).toEqual([]);
    });
  });

  it('L2: with its default limit refuses layers over 1 MB', async () => {
    const change = (text: string) => text.replace('client_max_body_size 0;', '');
    await through({ change }, async (client) => {
      expect(await client.pushAndPull('team/small', 200_000)).toEqual([]);
      await expect(client.pushBlob('team/limit', randomBytes(4_000_000))).rejects.toThrow('413');
    });
  });

  it('L2: may hold whole bodies back, and send them again to another replica', async () => {
    const nobody = `127.0.0.1:${await freePort()}`;
    const change = (text: string) =>
      text
        .replace(
          'proxy_request_buffering off;',
          'proxy_next_upstream error timeout non_idempotent;',
        )
        .replace('proxy_buffering         off;', '')
        .replace(
          'server 127.0.0.1:5000;',
          `server ${nobody} fail_timeout=0; server 127.0.0.1:5000;`,
        );
    await through({ change }, async (client) => {
      expect(await client.pushAndPull('team/buffered', 3_000_000)).toEqual([]);
    });
  });

  it('L1: checks passwords itself, as in the old recipe', async () => {
    const change = (text: string, folder: { join(name: string): string }) =>
      text.replace('/etc/nginx/registry.htpasswd', folder.join('htpasswd'));
    const basic = (password: string) => ({
      authorization: `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`,
    });
    const options = { file: 'nginx-basic-auth.conf', change };
    await through(
      options,
      async (client, balancer) => {
        await writeFile(balancer.folder.join('htpasswd'), `alice:${await hash('s3cret', 4)}\n`);
        const anybody = new FollowingClient(balancer.url, balancer.authority);
        const refused = await anybody.send('GET', '/v2/');
        expect(refused.status).toBe(401);
        expect(refused.headers['docker-distribution-api-version']).toBe('registry/2.0');
        expect(refused.headers['www-authenticate']).toBe('Basic realm="Registry"');
        const welcome = await client.send('GET', '/v2/');
        expect(welcome.status).toBe(200);
        expect(welcome.headers['docker-distribution-api-version']).toBe('registry/2.0');
        expect(await client.pushAndPull('team/guarded')).toEqual([]);
      },
      basic('s3cret'),
    );
  });
});
