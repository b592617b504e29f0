import { readFile } from 'node:fs/promises';

import { BucketDriver } from '#storage/bucket/bucket-driver.js';
import { s3Config } from '#storage/s3/s3-config.js';
import { S3Store } from '#storage/s3/s3-store.js';
import { Seeded } from '#storage/testing/seeded.js';

/**
 * `bucket-uploads.js S3CONFIG SLOW FAST BYTES`: so many uploads of a few bytes at a time, and meanwhile so many of so many
 * bytes as fast as the bucket takes them. Prints what that took.
 */
const [settings = '{}', slow = '0', fast = '0', bytes = '0'] = process.argv.slice(2);
const store = await S3Store.connect(s3Config.parse(JSON.parse(settings)));
const driver = await BucketDriver.connect(store);
const chunkSize = 64 * 1024;

/** Bytes of memory that this process ever had. What `getrusage` tells begins with what its parent had. */
async function highWater(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

let running = true;
let dribbled = 0;

async function dribble(index: number): Promise<void> {
  const writer = await driver.uploads.claim(`slow${index}`, undefined, { newborn: true });
  while (running) {
    await writer.write(Buffer.from('slow'));
    dribbled += 4;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  await writer.finish();
}

async function rush(index: number): Promise<void> {
  const destination = `/fast/${index}`;
  const purpose = { newborn: true, destination };
  const writer = await driver.uploads.claim(`fast${index}`, undefined, purpose);
  const random = new Seeded(index);
  for (let left = Number(bytes); left > 0; left -= chunkSize) {
    await writer.write(random.bytes(Math.min(left, chunkSize)));
    // As bytes from a network come: each in a turn of its own.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writer.commit(destination, []);
}

const atStart = process.memoryUsage().rss;
const slowOnes = Promise.all(Array.from({ length: Number(slow) }, (_, index) => dribble(index)));
const begun = performance.now();
await Promise.all(Array.from({ length: Number(fast) }, (_, index) => rush(index)));
const milliseconds = performance.now() - begun;
running = false;
await slowOnes;
await driver.close();
const results = {
  atStart,
  most: await highWater(),
  milliseconds,
  dribbled,
};
process.stdout.write(`${JSON.stringify(results)}\n`);
