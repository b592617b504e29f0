import { afterEach, beforeEach } from '@jest/globals';

import type { RedisConnection } from '#redis/redis-connection.js';

import { Redis, type RedisOptions } from '../support/servers/redis.js';
import { TempDir } from '../support/temp-dir.js';
import { connect, get, openConnection } from './open-connection.js';

/** As it is when nothing is configured. */
export const calltimeout = '50ms';
/** What a call may take then, and what a busy machine adds (milliseconds). */
export const bound = 50 + 150;

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

/** Asks for something that is not given; how many milliseconds that took. */
export async function miss(redis: RedisConnection): Promise<number> {
  const begun = performance.now();
  if ((await get(redis, 'holdfast:key')) !== undefined) throw new Error('there is an answer');
  return performance.now() - begun;
}
