import { Readable } from 'node:stream';

import { describe, expect, it } from '@jest/globals';

import { s3Config } from './s3-config.js';
import { S3Connection } from './s3-connection.js';
import { S3Wire } from './s3-wire.js';

interface Sent {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What would go to a service that no test can reach. */
async function sentBy(keys: Readonly<Record<string, unknown>>, name = 'a b/ü(1)'): Promise<Sent> {
  const config = s3Config.parse({ bucket: 'registry', accesskey: 'k', secretkey: 's', ...keys });
  const connection = await S3Connection.open(config);
  const { client } = connection;
  const sent: Sent[] = [];
  client.config.requestHandler.handle = async (request: Sent) => {
    sent.push(request);
    return { response: { statusCode: 200, headers: { etag: '"1"' }, body: Readable.from([]) } };
  };
  const { signal } = new AbortController();
  await new S3Wire(config.bucket).send(client, { method: 'GET', name }, signal);
  connection.close();
  return sent[0] as Sent;
}

const amazon = { region: 'eu-central-1' };
const path = '/a%20b/%C3%BC%281%29';

describe('A call to S3', () => {
  it.each([
    ['at Amazon', amazon, 'https://registry.s3.eu-central-1.amazonaws.com', path],
    ['in China', { region: 'cn-north-1' }, 'https://registry.s3.cn-north-1.amazonaws.com.cn', path],
    [
      'with the bucket in the path',
      { ...amazon, forcepathstyle: true },
      'https://s3.eu-central-1.amazonaws.com',
      `/registry${path}`,
    ],
    [
      'to a bucket with dots, which no certificate has',
      { ...amazon, bucket: 'my.registry' },
      'https://s3.eu-central-1.amazonaws.com',
      `/my.registry${path}`,
    ],
    [
      'over plain HTTP',
      { ...amazon, secure: false },
      'http://registry.s3.eu-central-1.amazonaws.com',
      path,
    ],
    [
      'by IPv6 too',
      { ...amazon, usedualstack: true },
      'https://registry.s3.dualstack.eu-central-1.amazonaws.com',
      path,
    ],
    [
      'accelerated',
      { ...amazon, accelerate: true },
      'https://registry.s3-accelerate.amazonaws.com',
      path,
    ],
    [
      'by FIPS',
      { region: 'us-east-2', usefipsendpoint: true },
      'https://registry.s3-fips.us-east-2.amazonaws.com',
      path,
    ],
    [
      'to another endpoint',
      { regionendpoint: '127.0.0.1:9000', secure: false },
      'http://127.0.0.1:9000',
      `/registry${path}`,
    ],
    [
      'to another endpoint by host name',
      { regionendpoint: 'https://s3.example.org', forcepathstyle: false, region: 'auto' },
      'https://registry.s3.example.org',
      path,
    ],
    [
      'to an endpoint that is in a path',
      { regionendpoint: 'http://127.0.0.1/s3/', secure: true },
      'http://127.0.0.1',
      `/s3/registry${path}`,
    ],
  ])('%s goes to the right place', async (_how, keys, origin, expected) => {
    const { protocol, hostname, port, path: sentPath, headers } = await sentBy(keys);
    expect(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`).toBe(origin);
    expect(sentPath).toBe(expected);
    expect(headers['host']).toBe(new URL(origin).host);
  });

  it('is signed for the region of the bucket, and says who asks', async () => {
    const { headers } = await sentBy({ ...amazon, useragent: 'team-registry' });
    expect(headers['authorization']).toContain('/eu-central-1/s3/aws4_request');
    expect(headers['user-agent']).toContain('team-registry');
    expect((await sentBy({ ...amazon, sessiontoken: 't0k3n' })).headers).toMatchObject({
      'x-amz-security-token': 't0k3n',
    });
  });
});
