import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConditionFailed, ObjectNotFound, StorageRefused } from '#storage/bucket/object-store.js';
import { StorageUnavailable } from '#storage/storage-driver.js';
import type { SwiftStore } from '#storage/swift/swift-store.js';
import { bodyOf } from '#storage/testing/object-bodies.js';
import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { addPassingFaults, seeds } from './passing-faults.js';
import { swiftPrograms } from './swift-programs.js';
import { SwiftSuite } from './swift-suite.js';

const quick = { attempts: 12, attemptTimeout: 2500, longestPause: 400 };

describeWith(swiftPrograms, 'SwiftStore in trouble', () => {
  const suite = new SwiftSuite();

  /** The login tells the storage's address as it was asked for itself: through the proxy. */
  const behind = (proxy: FaultProxy, container: string, limits = quick) => {
    const { authUrl, endpoint } = suite.server();
    return suite.store({ authurl: authUrl.replace(endpoint, proxy.url), container }, limits);
  };

  describe.each(seeds)('behind a fault proxy with seed %i', (seed) => {
    describeObjectStore(
      async () => {
        const proxy = await FaultProxy.start(suite.server().endpoint, { seed });
        const [store, other] = [behind(proxy, `seed-${seed}`), behind(proxy, `seed-${seed}`)];
        addPassingFaults(proxy);
        return { store, other, close: () => proxy.stop() };
      },
      { createsOnce: false, replacesVersion: false, removesVersion: false },
    );
  });

  describe('when Swift', () => {
    let proxy: FaultProxy;
    let store: SwiftStore;
    beforeEach(async () => {
      proxy = await FaultProxy.start(suite.server().endpoint);
      store = behind(proxy, 'troubles', { ...quick, attempts: 3 });
      await store.probe();
    });
    afterEach(() => proxy.stop());

    const answer = (status: number, times: number, headers = {}) =>
      proxy.add({
        path: /troubles/,
        times,
        fault: { kind: 'answer', status, headers, body: '<html><p>Made by the proxy</p></html>' },
      });

    it.each([
      [401, {}],
      [408, {}],
      [409, {}],
      [413, { 'retry-after': '0.01' }],
      [422, {}],
      [429, { 'retry-after': '0.01' }],
      [498, {}],
      [503, {}],
      [507, {}],
    ])('answers %i once it is asked again', async (status, headers) => {
      const rule = answer(status, 1, headers);
      const version = await store.put(`status/${status}`, bodyOf('content'));
      expect(rule.struck).toBe(1);
      expect((await store.head(`status/${status}`)).version).toBe(version);
    });

    it('has accepted what somebody else has overtaken, it is told again', async () => {
      const rule = answer(202, 1);
      await store.put('overtaken', bodyOf('content'));
      expect(rule.matched).toBeGreaterThan(1);
      expect((await store.get('overtaken', { limit: 100 })).content.toString()).toBe('content');
    });

    it.each([
      [413, StorageUnavailable, 1, /413/],
      [507, StorageUnavailable, 3, /507.*full/],
      [403, StorageRefused, 1, /role or an ACL.*storage\.swift\.container/],
      [401, StorageRefused, 2, /role or an ACL/],
      [404, StorageRefused, 1, /no container troubles/],
    ])('answers %i every time, that is said', async (status, kind, attempts, message) => {
      const rule = answer(status, Infinity);
      const problem: unknown = await store.put('a', bodyOf('b')).catch((error: unknown) => error);
      expect(problem).toBeInstanceOf(kind);
      expect(String(problem)).toMatch(message);
      expect(String(problem)).not.toMatch(/<|testing/);
      expect(rule.struck).toBe(attempts);
    });

    it('wrote an object and its answer was lost, the writer knows it for its own', async () => {
      const rule = proxy.add({ method: 'PUT', times: 1, fault: { kind: 'lost-answer' } });
      const version = await store.put('lost/own', bodyOf('same'), 'absent');
      expect(rule.struck).toBe(1);
      expect((await store.head('lost/own')).version).toBe(version);
      proxy.add({
        method: 'PUT',
        times: 1,
        fault: { kind: 'cut', direction: 'request', afterBytes: 1 },
      });
      await expect(store.put('lost/own', bodyOf('same'), 'absent')).rejects.toBeInstanceOf(
        ConditionFailed,
      );
    });

    it('says within a good answer that it did not remove everything, it is asked again', async () => {
      const keys = ['bulk/1', 'bulk/2'];
      for (const key of keys) await store.put(key, bodyOf(key));
      const body = JSON.stringify({
        'Response Status': '400 Bad Request',
        Errors: [['/troubles/files/bulk/1', '503 Service Unavailable']],
      });
      proxy.add({ method: 'POST', times: 1, fault: { kind: 'answer', status: 200, body } });
      await store.removeAll(keys);
      for (const key of keys) await expect(store.head(key)).rejects.toBeInstanceOf(ObjectNotFound);
    });

    it.each([
      ['truncate', { kind: 'truncate', bytes: 3 }],
      ['flip', { kind: 'flip', direction: 'answer', at: 2 }],
      ['extend', { kind: 'extend', bytes: 4 }],
    ] as const)(
      'sends other bytes than it has (%s), they are asked for again',
      async (_what, fault) => {
        await store.put('damaged', bodyOf('content'));
        const rule = proxy.add({ method: 'GET', path: /damaged/, times: 1, fault });
        expect((await store.get('damaged', { limit: 100 })).content.toString()).toBe('content');
        expect(rule.struck).toBe(1);
      },
    );

    it.each([20, 1_000_000])(
      'received other bytes than were sent, of %i, they are sent again',
      async (size) => {
        const rule = proxy.add({
          method: 'PUT',
          times: 1,
          fault: { kind: 'flip', direction: 'request', at: 7 },
        });
        const bytes = Buffer.alloc(size, 'content');
        await store.put('received', bodyOf(bytes));
        expect(rule.struck).toBe(1);
        expect((await store.get('received', { limit: size })).content.equals(bytes)).toBe(true);
      },
    );
  });
});
