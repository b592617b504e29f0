import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { exchange, type Sent } from '../exchange.js';
import { until } from '../until.js';
import { FaultProxy } from './fault-proxy.js';
import type { Rule } from './fault-rule.js';
import { clockSkew, slowDown } from './fault.js';
import { RecordingServer } from './recording-server.js';

let upstream: RecordingServer;
let proxy: FaultProxy;

beforeEach(async () => {
  upstream = await RecordingServer.start();
  proxy = await FaultProxy.start(upstream.host, { seed: 7 });
});

afterEach(async () => {
  await proxy.stop();
  await upstream.stop();
});

const ask = (path = '/b/key', sent: Sent = {}) => exchange(proxy.url, path, sent);
const whole = '<Result><ETag>"1"</ETag></Result>';

async function statuses(count: number): Promise<number[]> {
  const seen: number[] = [];
  while (seen.length < count) seen.push((await ask()).status);
  return seen;
}

describe('FaultProxy', () => {
  it('passes on what no rule strikes, with the host that the client named', async () => {
    proxy.add({ operation: 'UploadPart', fault: slowDown });
    const answer = await ask('/b/a%2Fc//d?x-id=PutObject', {
      method: 'PUT',
      headers: { host: 'bucket.example', 'x-amz-meta': ['1', '2'] },
      body: 'content',
    });
    expect(answer.body.toString()).toBe(whole);
    expect(answer.headers['etag']).toBe('"1"');
    const [received] = upstream.received;
    expect(received).toMatchObject({
      method: 'PUT',
      url: '/b/a%2Fc//d?x-id=PutObject',
      body: 'content',
    });
    expect(received?.headers).toMatchObject({ host: 'bucket.example', 'x-amz-meta': '1, 2' });
  });

  it('lets the server say whether a client is to go on', async () => {
    const answer = await ask('/b/key', {
      method: 'PUT',
      headers: { expect: '100-continue', 'content-length': '7' },
      body: 'content',
    });
    expect(answer.status).toBe(200);
    expect(upstream.received[0]?.body).toBe('content');
  });

  describe('rules', () => {
    it.each<[string, Omit<Rule, 'fault'>]>([
      ['an operation', { operation: ['UploadPart', 'PutObject'] }],
      ['a method and a path', { method: 'PUT', path: /^\/b\/k/ }],
      ['a parameter that is there', { query: { flag: true } }],
      ['a parameter and its value', { query: { id: /^4/ } }],
      ['any condition', { where: ({ headers }) => headers['x-one'] === '1' }],
    ])('match by %s', async (_, match) => {
      const rule = proxy.add({ ...match, fault: slowDown });
      const sent = { method: 'PUT', headers: { 'x-one': '1' } };
      expect((await ask('/b/key?flag&id=42', sent)).status).toBe(503);
      expect((await ask('/c/other', { method: 'POST' })).status).toBe(200);
      expect(rule).toMatchObject({ matched: 1, struck: 1 });
    });

    it('strike the n-th request, and so often at most', async () => {
      proxy.add({ nth: 2, fault: slowDown });
      proxy.add({ times: 1, fault: clockSkew });
      expect(await statuses(4)).toEqual([403, 503, 200, 200]);
    });

    it('strike by chance, the same again for the same seed', async () => {
      const rule = proxy.add({ chance: 0.3, fault: slowDown });
      const first = await statuses(40);
      expect(rule.matched).toBe(40);
      expect(rule.struck).toBe(first.filter((status) => status === 503).length);
      expect(rule.struck).toBeGreaterThan(4);
      expect(rule.struck).toBeLessThan(20);
      await proxy.stop();
      proxy = await FaultProxy.start(upstream.host, { seed: 7 });
      proxy.add({ chance: 0.3, fault: slowDown });
      expect(await statuses(40)).toEqual(first);
      await proxy.stop();
      proxy = await FaultProxy.start(upstream.host, { seed: 8 });
      proxy.add({ chance: 0.3, fault: slowDown });
      expect(await statuses(40)).not.toEqual(first);
    });

    it('change while the proxy runs, and show the seed', async () => {
      const rule = proxy.add({ operation: 'GetObject', fault: slowDown });
      const other = proxy.add({ fault: clockSkew });
      expect(await statuses(1)).toEqual([503]);
      expect(proxy.toString()).toMatch(/seed 7\n.*answer on GetObject: struck 1 of 1\n/);
      proxy.remove(rule);
      expect(await statuses(1)).toEqual([403]);
      expect(proxy.rules).toEqual([other]);
      proxy.remove();
      expect(await statuses(1)).toEqual([200]);
    });
  });

  describe('instead of the server', () => {
    it('answers what S3 would', async () => {
      proxy.add({ fault: slowDown });
      const { status, body } = await ask('/b/key', { method: 'PUT', body: 'content' });
      expect(status).toBe(503);
      expect(body.toString()).toContain('<Code>SlowDown</Code>');
      expect(upstream.received).toEqual([]);
    });

    it.each([false, true])('answers 200 with an error, applied: %s', async (applied) => {
      proxy.add({ fault: { kind: 'error-in-ok', whitespace: 50, applied } });
      const { status, body } = await ask('/b/key?uploadId=1', { method: 'POST', body: 'parts' });
      expect(status).toBe(200);
      expect(body.toString()).toMatch(/\?>\n {50}<Error><Code>InternalError/);
      expect(upstream.received.map((received) => received.body)).toEqual(applied ? ['parts'] : []);
    });

    it('never answers', async () => {
      const rule = proxy.add({ fault: { kind: 'hang' } });
      const answer = fetch(`${proxy.url}/b/key`, { signal: AbortSignal.timeout(300) });
      await expect(answer).rejects.toThrow(/timeout/);
      expect(rule.struck).toBe(1);
      expect(upstream.received).toEqual([]);
    });
  });

  describe('on the way to the server', () => {
    it('comes later', async () => {
      proxy.add({ fault: { kind: 'latency', ms: 60 } });
      proxy.add({ fault: { kind: 'latency', ms: [60, 80] } });
      proxy.add({ fault: slowDown });
      const start = performance.now();
      expect(await statuses(1)).toEqual([503]);
      expect(performance.now() - start).toBeGreaterThan(115);
    });

    it('cuts after so many bytes, which have arrived', async () => {
      const rule = proxy.add({ fault: { kind: 'cut', direction: 'request', afterBytes: 300 } });
      const body = Buffer.alloc(100_000, 'x');
      await expect(ask('/b/key', { method: 'PUT', body })).rejects.toThrow(/ECONNRESET|hang up/);
      await until('the rest of the request', async () => upstream.received.length === 1);
      expect(upstream.received[0]).toMatchObject({ complete: false, body: 'x'.repeat(300) });
      expect((await ask('/b/key', { method: 'PUT', body: 'short' })).status).toBe(200);
      expect(rule).toMatchObject({ matched: 2, struck: 1 });
    });

    it('changes one bit', async () => {
      proxy.add({ fault: { kind: 'flip', direction: 'request', at: 2 } });
      await ask('/b/key', { method: 'PUT', body: 'aaaa' });
      expect(upstream.received[0]?.body).toBe('aa`a');
    });
  });

  describe('on the way back', () => {
    it('loses the answer to what was done', async () => {
      proxy.add({ times: 1, fault: { kind: 'lost-answer' } });
      const sent = { method: 'PUT', body: 'content' };
      await expect(ask('/b/key', sent)).rejects.toThrow(/ECONNRESET|hang up/);
      expect(upstream.received[0]).toMatchObject({ complete: true, body: 'content' });
      expect((await ask('/b/key', sent)).status).toBe(200);
    });

    it('cuts after so many bytes', async () => {
      upstream.body = 'x'.repeat(100_000);
      const rule = proxy.add({ fault: { kind: 'cut', direction: 'answer', afterBytes: 70_000 } });
      const response = await fetch(`${proxy.url}/b/key`);
      const chunks: Uint8Array[] = [];
      const read = async () => {
        for await (const chunk of response.body ?? []) chunks.push(chunk);
      };
      await expect(read()).rejects.toThrow('terminated');
      expect(Buffer.concat(chunks)).toHaveLength(70_000);
      expect(rule.struck).toBe(1);
    });

    it('stalls after so many bytes', async () => {
      proxy.add({ fault: { kind: 'stall', direction: 'answer', afterBytes: 10 } });
      const response = await fetch(`${proxy.url}/b/key`, { signal: AbortSignal.timeout(300) });
      const reader = response.body?.getReader();
      expect((await reader?.read())?.value).toHaveLength(10);
      await expect(reader?.read()).rejects.toThrow(/timeout/);
    });

    it('leaves out the end of a body, adds to it, or changes a bit, and nothing shows it', async () => {
      const rules = [
        proxy.add({ nth: 1, fault: { kind: 'truncate', bytes: 3 } }),
        proxy.add({ nth: 1, fault: { kind: 'extend', bytes: 3 } }),
        proxy.add({ nth: 1, fault: { kind: 'flip', direction: 'answer', at: 1 } }),
        proxy.add({ nth: 1, fault: { kind: 'flip', direction: 'answer' } }),
      ];
      expect((await ask()).body.toString()).toBe(whole.slice(0, -3));
      expect((await ask()).body.toString()).toBe(`${whole}***`);
      expect((await ask()).body.toString()).toBe(whole.replace('R', 'S'));
      const { body } = await ask();
      expect(body).toHaveLength(whole.length);
      expect(body.toString()).not.toBe(whole);
      expect((await ask()).body.toString()).toBe(whole);
      expect(rules.map(({ struck }) => struck)).toEqual([1, 1, 1, 1]);
    });

    it('strikes no body where there is none', async () => {
      const rule = proxy.add({ fault: { kind: 'truncate', bytes: 3 } });
      const { headers } = await ask('/b/key', { method: 'HEAD' });
      expect(headers['content-length']).toBe(String(whole.length));
      expect(rule).toMatchObject({ matched: 1, struck: 0 });
    });

    it('takes the ETag away', async () => {
      proxy.add({ fault: { kind: 'without-etag' } });
      const { headers, body } = await ask();
      expect(headers).not.toHaveProperty('etag');
      expect(body.toString()).toBe('<Result></Result>');
    });

    it('gives an old answer again for so long', async () => {
      const rule = proxy.add({ method: 'GET', fault: { kind: 'stale', ms: 200 } });
      const list = async (prefix: string) => (await ask(`/b?prefix=${prefix}`)).body.toString();
      upstream.body = 'first';
      const start = performance.now();
      expect(await list('a')).toBe('first');
      upstream.body = 'second';
      expect(await list('a')).toBe('first');
      expect(await list('b')).toBe('second');
      expect(rule).toMatchObject({ matched: 3, struck: 1 });
      await until('the new answer', async () => (await list('a')) === 'second');
      expect(performance.now() - start).toBeGreaterThan(199);
    });
  });

  it('resets the client when nobody listens behind', async () => {
    await upstream.stop();
    await expect(ask()).rejects.toThrow(/ECONNRESET|hang up/);
    upstream = await RecordingServer.start();
  });
});
