import { redisConfig } from '#redis/redis-config.js';
import { RedisConnection } from '#redis/redis-connection.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { until } from '../support/until.js';

/** What the log says. */
export const away = 'Redis is away; everything goes on without it';
export const there = 'Redis is there';

export interface OpenConnection {
  readonly redis: RedisConnection;
  readonly log: RecordingLog;
}

/** With the keys of the `redis` section, and time enough for a busy machine; does not connect yet. */
export async function openConnection(
  section: Readonly<Record<string, unknown>>,
): Promise<OpenConnection> {
  const log = new RecordingLog();
  const config = redisConfig.parse({
    calltimeout: '5s',
    maxretrybackoff: '200ms',
    ...section,
  });
  if (config === undefined) throw new Error('the section names no server');
  return { redis: await RedisConnection.create(config, { roles: ['cache'], log }), log };
}

/** Connected. */
export async function connect(section: Readonly<Record<string, unknown>>): Promise<OpenConnection> {
  const open = await openConnection(section);
  open.redis.start();
  await untilUp(open.redis);
  return open;
}

export async function untilUp(redis: RedisConnection): Promise<void> {
  await until('Redis to be there', async () => redis.state.up);
}

export function messages(log: RecordingLog): readonly string[] {
  return log.lines.map(({ message }) => message);
}

export function set(redis: RedisConnection, key: string, value: string): Promise<unknown> {
  return redis.call('Set', (commands) => commands.set(key, value, 'EX', 600));
}

export async function get(redis: RedisConnection, key: string): Promise<string | undefined> {
  const value = await redis.call('Get', (commands) => commands.getrangeBuffer(key, 0, 1000));
  return value?.toString();
}
