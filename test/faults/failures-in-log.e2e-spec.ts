import { once } from 'node:events';
import { rename, truncate } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { errorOf } from '../support/exchange.js';
import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { RegistryApi } from '../support/registry-api.js';
import { until } from '../support/until.js';

const name = 'team/app';

jest.setTimeout(120_000);

describe('the log', () => {
  let registry: Holdfast;
  let api: RegistryApi;

  beforeEach(async () => {
    registry = await startHoldfast({ config: { http: { workers: 1 } } });
    api = new RegistryApi(registry.url);
  });
  afterEach(async () => {
    await registry?.stop();
  });

  const lines = (what: RegExp) => registry.output.split('\n').filter((line) => what.test(line));

  it('says why the storage refuses, and not without end', async () => {
    await rename(registry.root, `${registry.root}-away`);
    const begin = () => api.send('POST', `/v2/${name}/blobs/uploads/`, { body: 'x' });
    const commit = () =>
      api.send('POST', `/v2/${name}/blobs/uploads/?digest=sha256:${'0'.repeat(64)}`, { body: 'x' });
    const answer = await commit();
    expect([answer.status, errorOf(answer).code]).toEqual([503, 'UNAVAILABLE']);
    const line = await registry.process.waitForLine(/storage unavailable/);
    expect(line).toContain('status=503 code=UNAVAILABLE');
    expect(line).toContain(`method=POST repository=${name}`);
    expect(line).toMatch(/reason="[^"]*root directory is gone/);
    const more = 300;
    await Promise.all(Array.from({ length: more }, commit));
    await until('all to be told of', async () => {
      const leftOut = lines(/storage unavailable leftOut=/).map((each) =>
        Number(/leftOut=(\d+)/.exec(each)?.[1]),
      );
      const told = lines(/storage unavailable status=/).length;
      return told < more && told + leftOut.reduce((sum, each) => sum + each, 0) === 1 + more;
    });
    await rename(`${registry.root}-away`, registry.root);
    expect((await begin()).status).toBe(202);
  });

  it('names a blob that became shorter while it was sent, which clients may then push again', async () => {
    const content = Buffer.alloc(48 * 1024 * 1024, 'some layer');
    const digest = await api.pushBlob(name, content);
    const hex = digest.slice('sha256:'.length);
    const path = `/v2/${name}/blobs/${digest}`;
    const [response] = (await once(get(registry.url + path), 'response')) as [IncomingMessage];
    await once(response, 'readable');
    const file = join('docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    await truncate(join(registry.root, file), 1000);
    let received = 0;
    const reading = (async () => {
      for await (const chunk of response) received += (chunk as Buffer).length;
    })();
    await expect(reading).rejects.toThrow('aborted');
    expect(received).toBeLessThan(content.length);
    const line = await registry.process.waitForLine(/answer cut off/);
    expect(line).toContain(`digest=${digest}`);
    expect(line).toContain('became shorter');
    const damage = await registry.process.waitForLine(/a stored blob is damaged/);
    expect(damage).toContain(digest);
    expect((await api.send('HEAD', path)).status).toBe(404);
    expect((await api.get(path)).status).toBe(500);
    await registry.process.waitForLine(/damaged blob asked for/);
    await api.pushBlob(name, content);
    expect((await api.get(path)).body.equals(content)).toBe(true);
  });

  it('does not blame the storage for a client that leaves', async () => {
    const digest = await api.pushBlob(name, Buffer.alloc(48 * 1024 * 1024, 'some layer'));
    const path = `/v2/${name}/blobs/${digest}`;
    const [response] = (await once(get(registry.url + path), 'response')) as [IncomingMessage];
    await once(response, 'readable');
    response.destroy();
    await registry.process.waitForLine(/method=GET .*cut=true/);
    expect((await api.send('HEAD', path)).status).toBe(200);
    expect(lines(/ ERROR /)).toEqual([]);
  });
});
