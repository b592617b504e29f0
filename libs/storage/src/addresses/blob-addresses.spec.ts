import { createVerify, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { MemoryDriver } from '../memory/memory-driver.js';
import { storageMiddlewareConfig } from './address-config.js';
import { BlobAddresses } from './blob-addresses.js';

const path = '/docker/registry/v2/blobs/sha256/aa/aabb/data';
const rules = { disable: false, minsize: 0 };
const get = { method: 'GET', clientAddress: '203.0.113.7' } as const;

/** A driver whose back end has addresses. */
class AddressedDriver extends MemoryDriver {
  override readonly name = 's3' as 'inmemory';
  override readonly hasAddresses = true;

  override async addressOf(file: string): Promise<string> {
    return `http://bucket.example:9000/registry${file}?X-Signature=abc%2F`;
  }

  override keyOf(file: string): string {
    return `root${file}`;
  }
}

describe('BlobAddresses', () => {
  let folder: string;
  let log: RecordingLog;
  let ranges: Server | undefined;
  const opened: BlobAddresses[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'addresses-'));
    log = new RecordingLog();
  });

  afterEach(async () => {
    for (const addresses of opened.splice(0)) addresses.close();
    await new Promise((resolve) => (ranges ? ranges.close(resolve) : resolve(undefined)));
    ranges = undefined;
    await rm(folder, { recursive: true });
  });

  const open = async (
    middlewares: readonly unknown[],
    {
      driver = new AddressedDriver(),
      ...changed
    }: { driver?: MemoryDriver; disable?: boolean } = {},
  ) => {
    const config = storageMiddlewareConfig.parse(middlewares);
    const addresses = await BlobAddresses.open(driver, { ...rules, ...changed }, config, log);
    opened.push(addresses);
    return addresses;
  };
  const signing = async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const file = join(folder, 'key.pem');
    await writeFile(file, privateKey.export({ type: 'pkcs1', format: 'pem' }));
    return { publicKey, options: { baseurl: 'cdn.example', privatekey: file, keypairid: 'K1' } };
  };

  it('are those of the back end, if it has any and none are switched off', async () => {
    const addresses = await open([]);
    expect(await addresses.of(path, get, undefined)).toBe(
      `http://bucket.example:9000/registry${path}?X-Signature=abc%2F`,
    );
    expect((await open([], { disable: true })).any).toBe(false);
    expect(await (await open([], { disable: true })).of(path, get, 1)).toBeUndefined();
    expect((await open([], { driver: new MemoryDriver() })).any).toBe(false);
  });

  it('are not given for small blobs', async () => {
    const addresses = await BlobAddresses.open(
      new AddressedDriver(),
      { disable: false, minsize: 100 },
      [],
      log,
    );
    expect(await addresses.of(path, get, 99)).toBeUndefined();
    expect(await addresses.of(path, get, 100)).toBeDefined();
    expect(await addresses.of(path, get, undefined)).toBeDefined();
  });

  it('lie below another address with redirect, whatever the driver', async () => {
    const redirect = { name: 'redirect', options: { baseurl: 'https://cdn.example/base/' } };
    const addresses = await open([redirect], { driver: new MemoryDriver() });
    expect(await addresses.of(path, get, undefined)).toBe(`https://cdn.example/base${path}`);
    expect(
      (await open([{ ...redirect, disabled: true }], { driver: new MemoryDriver() })).any,
    ).toBe(false);
  });

  it('have another scheme, host and path with rewrite', async () => {
    const rewrite = {
      name: 'rewrite',
      options: { scheme: 'https', host: 'cdn.example', trimpathprefix: '/registry' },
    };
    expect(await (await open([rewrite])).of(path, get, undefined)).toBe(
      `https://cdn.example${path}?X-Signature=abc%2F`,
    );
    const host = { name: 'rewrite', options: { host: 'cdn.example:8443' } };
    expect(await (await open([host])).of(path, get, undefined)).toBe(
      `http://cdn.example:8443/registry${path}?X-Signature=abc%2F`,
    );
  });

  it('are signed for CloudFront', async () => {
    const { publicKey, options } = await signing();
    const addresses = await open([{ name: 'cloudfront', options: { ...options, duration: '5m' } }]);
    const url = new URL((await addresses.of(path, get, undefined)) ?? '');
    expect(`${url.origin}${url.pathname}`).toBe(`https://cdn.example/root${path}`);
    expect(url.searchParams.get('Key-Pair-Id')).toBe('K1');
    const expires = Number(url.searchParams.get('Expires'));
    expect(Math.abs(expires - Date.now() / 1000 - 300)).toBeLessThan(30);
    const policy = JSON.stringify({
      Statement: [
        {
          Resource: `https://cdn.example/root${path}`,
          Condition: { DateLessThan: { 'AWS:EpochTime': expires } },
        },
      ],
    });
    const signature = (url.searchParams.get('Signature') ?? '')
      .replaceAll('-', '+')
      .replaceAll('_', '=')
      .replaceAll('~', '/');
    const verify = createVerify('RSA-SHA1').update(policy);
    expect(verify.verify(publicKey, signature, 'base64')).toBe(true);
  });

  it('are those of the bucket for clients inside AWS', async () => {
    const file = {
      prefixes: [
        { ip_prefix: '203.0.113.0/24', region: 'eu-west-1', service: 'S3' },
        { ip_prefix: '198.51.100.0/24', region: 'us-east-1', service: 'S3' },
      ],
      ipv6_prefixes: [{ ipv6_prefix: '2001:db8::/32', region: 'eu-west-1', service: 'S3' }],
    };
    let asked = 0;
    ranges = createServer((_request, response) => {
      asked++;
      response.end(JSON.stringify(file));
    });
    await new Promise<void>((resolve) => ranges?.listen(0, '127.0.0.1', resolve));
    const { port } = ranges.address() as AddressInfo;
    const { options } = await signing();
    const hostFor = async (clientAddress: string, extra: Record<string, string>) => {
      const addresses = await open([
        {
          name: 'cloudfront',
          options: { ...options, iprangesurl: `http://127.0.0.1:${port}/`, ...extra },
        },
      ]);
      const ask = async () =>
        new URL((await addresses.of(path, { method: 'GET', clientAddress }, undefined)) ?? '')
          .hostname;
      // The ranges come in the background; until then everybody goes through CloudFront.
      for (let turn = 0; turn < 500 && (await ask()) === 'cdn.example'; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      return ask();
    };
    const region = { ipfilteredby: 'awsregion', awsregion: 'us-west-2, EU-west-1' };
    expect(await hostFor('203.0.113.9', { ipfilteredby: 'aws' })).toBe('bucket.example');
    expect(await hostFor('2001:db8::1', region)).toBe('bucket.example');
    expect(await hostFor('198.51.100.9', region)).toBe('cdn.example');
    expect(asked).toBe(3);
  }, 20_000);

  it('need a key that can sign', async () => {
    const { options } = await signing();
    await writeFile(options.privatekey, 'no key');
    await expect(open([{ name: 'cloudfront', options }])).rejects.toThrow(
      /options\.privatekey: .*key\.pem cannot be read/,
    );
  });

  it.each([
    [{ name: 'redirect' }, 'options,baseurl'],
    [{ name: 'redirect', options: { baseurl: 'cdn.example' } }, 'options,baseurl'],
    [{ name: 'redirect', options: { baseurl: 'https://a', host: 'b' } }, 'options,host'],
    [
      { name: 'cloudfront', options: { baseurl: 'https://a', keypairid: 'K' } },
      'options,privatekey',
    ],
    [{ name: 'rewrite', options: { colour: 'red' } }, 'options'],
    [{ name: 'other' }, 'name'],
  ])('refuse %j', (entry, key) => {
    const { error } = storageMiddlewareConfig.safeParse([entry]);
    expect(error?.issues.map(({ path: where }) => where.join(','))).toEqual([`0,${key}`]);
  });
});
