import { createHash } from 'node:crypto';
import { request } from 'node:http';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { Seeded } from '#storage/testing/seeded.js';

import { describeWith } from '../components/components.js';
import { digestOf } from '../support/registry-api.js';
import { Uploader } from '../support/uploader.js';
import { Cluster } from './support/cluster.js';
import type { Replica } from './support/replica.js';

jest.setTimeout(1_200_000);

const MiB = 1024 * 1024;
const seed = Number(process.env['HOLDFAST_TEST_SEED'] ?? 1);
/** 200 in the long run (`KILLS=200`). */
const kills = Number(process.env['KILLS'] ?? 12);

describeWith(['minio', 'redis-server', 'haproxy'], `uploads in a cluster, seed ${seed}`, () => {
  let cluster: Cluster;
  const random = new Seeded(seed);

  beforeAll(async () => {
    cluster = await Cluster.start();
  });
  afterAll(async () => cluster?.stop());

  const contentOf = (size: number) => {
    const hash = createHash('sha256');
    const blocks: Buffer[] = [];
    for (let at = 0; at < size; at += 32) {
      blocks.push(
        hash
          .copy()
          .update(`${random.below(2 ** 31)} ${at}`)
          .digest(),
      );
    }
    return Buffer.concat(blocks).subarray(0, size);
  };

  // Row A3.
  it.each([
    ['one byte each', Array.from({ length: 9 }, () => 1)],
    ['around the smallest part of S3', [5 * MiB - 1, 5 * MiB, 5 * MiB + 1, 17]],
    ['many of odd sizes', Array.from({ length: 64 }, (_, index) => 1000 + 37 * index)],
  ])('go on at another replica with each chunk: %s', async (_what, sizes) => {
    const content = contentOf(sizes.reduce((sum, size) => sum + size, 0));
    const uploader = new Uploader(cluster.url, 'team/chunks', content);
    let location = await uploader.begin();
    let offset = 0;
    for (const size of sizes) {
      const chunk = content.subarray(offset, offset + size);
      const answer = await uploader.patch(location, chunk, offset);
      offset += size;
      location = uploader.accepted(answer, offset - 1);
    }
    expect(await uploader.pulledAfter(await uploader.put(location))).toBe('what was pushed');
  });

  // Row A1.
  it(`go on at another replica when one is killed in the middle of a chunk, ${kills} times`, async () => {
    let sentAgain = 0;
    for (let turn = 0; turn < kills; turn++) {
      const content = contentOf(2 * MiB + random.below(6 * MiB));
      const victim = random.pick(cluster.replicas);
      const others = cluster.replicas.filter((replica) => replica !== victim);
      const uploader = new Uploader(random.pick(others).url, 'team/killed', content);
      let location = await uploader.begin();
      const first = random.below(MiB) + 1;
      const answer = await uploader.patch(location, content.subarray(0, first), 0);
      location = uploader.accepted(answer, first - 1);
      await killWhileSending(
        victim,
        location,
        content.subarray(first),
        random.below(content.length - first),
      );
      const status = await uploader.status(location);
      const [, last] = /^0-(\d+)$/.exec(String(status.headers['range'])) ?? [];
      const offset = Number(last) + 1;
      // No more than was sent, and no less than was acknowledged.
      expect(offset).toBeGreaterThanOrEqual(first);
      expect(offset).toBeLessThanOrEqual(content.length);
      sentAgain += content.length - offset;
      const rest = await uploader.patch(
        String(status.headers.location),
        content.subarray(offset),
        offset,
      );
      const done = uploader.accepted(rest, content.length - 1);
      expect(await uploader.pulledAfter(await uploader.put(done))).toBe('what was pushed');
      await victim.start();
    }
    process.stdout.write(`${kills} kills, all resumed; ${sentAgain} bytes were sent again\n`);
  });

  // Row A7.
  it('are not altered by a replica that wakes up after others have finished', async () => {
    for (let turn = 0; turn < 3; turn++) {
      const [zombie, other] = cluster.replicas as [Replica, Replica];
      const content = contentOf(3 * MiB);
      const uploader = new Uploader(other.url, 'team/zombie', content);
      const location = uploader.accepted(
        await uploader.patch(await uploader.begin(), content.subarray(0, 1000), 0),
        999,
      );
      const wrong = Buffer.alloc(content.length - 1000, 'x');
      const sending = startSending(zombie, location, wrong.length);
      sending.write(wrong.subarray(0, wrong.length - 10));
      await uploader.api.get('/v2/');
      zombie.pause();
      const rest = await uploader.patch(location, content.subarray(1000), 1000);
      const done = uploader.accepted(rest, content.length - 1);
      const committed = await uploader.put(done);
      zombie.resume();
      sending.end(wrong.subarray(wrong.length - 10));
      // Whatever it is told: nobody names its part.
      expect(await statusOf(sending)).toBeGreaterThan(0);
      expect(await uploader.pulledAfter(committed)).toBe('what was pushed');
    }
  });

  // Row A8.
  it('end at one of two replicas that commit them at once, and both answers are clean', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const content = contentOf(300_000);
      const uploader = new Uploader(cluster.url, 'team/twice', content);
      const location = uploader.accepted(
        await uploader.patch(await uploader.begin(), content, 0),
        content.length - 1,
      );
      const answers = await Promise.all([uploader.put(location), uploader.put(location)]);
      expect(answers.map(({ status }) => status)).toContain(201);
      expect(answers.filter(({ status }) => ![201, 404, 416].includes(status))).toEqual([]);
      const { status, body } = await uploader.api.get(`/v2/team/twice/blobs/${digestOf(content)}`);
      expect([status, body.equals(content)]).toEqual([200, true]);
    }
  });
});

function startSending(replica: Replica, location: string, length: number) {
  const { hostname, port } = new URL(replica.url);
  const { pathname, search } = new URL(location, replica.url);
  const sending = request({
    hostname,
    port,
    path: pathname + search,
    method: 'PATCH',
    agent: false,
    headers: { 'content-length': length },
  });
  sending.on('error', () => undefined);
  return sending;
}

/** 0 where no answer came. */
function statusOf(sending: ReturnType<typeof request>): Promise<number> {
  return new Promise((resolve) => {
    sending.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sending.on('close', () => resolve(0));
  });
}

async function killWhileSending(
  victim: Replica,
  location: string,
  body: Buffer,
  bytes: number,
): Promise<void> {
  const sending = startSending(victim, location, body.length);
  const ended = statusOf(sending);
  await new Promise((resolve) => sending.write(body.subarray(0, bytes), resolve));
  await victim.kill();
  await ended;
}
