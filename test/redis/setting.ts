import { afterEach, beforeEach } from '@jest/globals';

import type { RedisConnection } from '#redis/redis-connection.js';

import { Redis, type RedisOptions } from '../support/servers/redis.js';
import { TempDir } from '../support/temp-dir.js';
import { connect, get, openConnection } from './open-connection.js';

/** As it is when nothing is configured. */
export const calltimeout = '50ms';
/** Twice that (milliseconds). */
const bound = 100;

type Section = Readonly<Record<string, unknown>>;

/** Servers and connections of one test, which end with it. */
export class Setting {
  #folder: TempDir | undefined;
  readonly #open: (() => Promise<unknown>)[] = [];

  /** For the suite that is being described. */
  static ofEachTest(): Setting {
    const setting = new Setting();
    beforeEach(async () => {
      setting.#folder = await TempDir.create('redis');
    });
    afterEach(async () => {
      for (const close of setting.#open.splice(0).toReversed()) await close();
      await setting.#folder?.remove();
    });
    return setting;
  }

  get folder(): TempDir {
    if (this.#folder === undefined) throw new Error('no test is running');
    return this.#folder;
  }

  async start(options?: RedisOptions): Promise<Redis> {
    return this.ends(await Redis.start(this.folder.path, options));
  }

  ends<T extends { stop(): Promise<unknown> }>(server: T): T {
    this.#open.push(() => server.stop());
    return server;
  }

  /** Not connected yet. */
  async open(section: Section) {
    const open = await openConnection(section);
    this.#open.push(() => open.redis.close());
    return open;
  }

  async connected(section: Section) {
    const open = await connect(section);
    this.#open.push(() => open.redis.close());
    return open;
  }
}

/** Asks for something that is not given, and gets no answer in time. */
export async function miss(redis: RedisConnection): Promise<void> {
  if ((await inTime(get(redis, 'holdfast:key'))) !== undefined)
    throw new Error('there is an answer');
}

/**
 * What the call gives, which took no longer than that (milliseconds). By a timer of this process, not by the clock: a
 * machine that stands still holds up the call and the timer alike, and they end in the order in which they were due.
 */
export async function inTime<T>(call: Promise<T>, most = bound): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`still not settled after ${most} ms`)), most);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}
