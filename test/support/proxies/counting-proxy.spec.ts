import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { exchange } from '../exchange.js';
import { CountingProxy } from './counting-proxy.js';

let upstream: Server;
let target: string;
let proxy: CountingProxy;

beforeEach(async () => {
  upstream = createServer((request, response) => {
    request.resume().on('end', () => response.end('12345'));
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  target = `127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  proxy = await CountingProxy.start(target);
});

afterEach(async () => {
  await proxy.stop();
  upstream.close();
});

describe('CountingProxy', () => {
  it.each([
    ['GET', '/', 'ListBuckets'],
    ['GET', '/b?list-type=2&prefix=a%2F', 'ListObjectsV2'],
    ['GET', '/b/?uploads', 'ListMultipartUploads'],
    ['HEAD', '/b', 'HeadBucket'],
    ['PUT', '/b', 'CreateBucket'],
    ['POST', '/b?delete=', 'DeleteObjects'],
    ['GET', '/b/a/c', 'GetObject'],
    ['GET', '/b/a/c?uploadId=1', 'ListParts'],
    ['HEAD', '/b/a/c', 'HeadObject'],
    ['PUT', '/b/a/c?x-id=PutObject', 'PutObject'],
    ['PUT', '/b/a/c?partNumber=1&uploadId=1', 'UploadPart'],
    ['POST', '/b/a/c?uploads', 'CreateMultipartUpload'],
    ['POST', '/b/a/c?uploadId=1', 'CompleteMultipartUpload'],
    ['DELETE', '/b/a/c?uploadId=1', 'AbortMultipartUpload'],
    ['DELETE', '/b/a/c', 'DeleteObject'],
    ['POST', '/b/a/c', 'POST'],
  ])('counts %s %s as %s', async (method, path, operation) => {
    await exchange(proxy.url, path, { method });
    expect(proxy.counts()).toEqual({ [operation]: 1 });
  });

  it.each([
    ['/b/a', 'CopyObject'],
    ['/b/a?partNumber=1&uploadId=1', 'UploadPartCopy'],
  ])('tells a copy by its source: %s is %s', async (path, operation) => {
    await exchange(proxy.url, path, { method: 'PUT', headers: { 'x-amz-copy-source': '/b/c' } });
    expect(proxy.counts()).toEqual({ [operation]: 1 });
  });

  it('adds up bytes each way until it is reset', async () => {
    await exchange(proxy.url, '/b/a', { method: 'PUT', body: 'x'.repeat(1000) });
    await exchange(proxy.url, '/b/a', { method: 'PUT', body: 'x'.repeat(500) });
    await exchange(proxy.url, '/b/a');
    expect(proxy.traffic()).toEqual({
      GetObject: { requests: 1, sent: 0, received: 5 },
      PutObject: { requests: 2, sent: 1500, received: 10 },
    });
    expect(proxy.total()).toEqual({ requests: 3, sent: 1500, received: 15 });
    proxy.reset();
    expect(proxy.counts()).toEqual({});
  });

  it('counts by other names for other servers', async () => {
    const other = await CountingProxy.start(target, { nameOf: ({ method = '' }) => method });
    await exchange(other.url, '/b?list-type=2');
    expect(other.counts()).toEqual({ GET: 1 });
    await other.stop();
  });
});
