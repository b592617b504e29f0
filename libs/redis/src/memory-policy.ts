export type RedisRole = 'cache' | 'queue';

/** What a server that is full does. */
export interface MemoryPolicy {
  /** Bytes; 0 for no limit. */
  readonly limit: number;
  readonly policy: string;
}

/** From the answer to `INFO memory`; undefined where it does not say. */
export function parseMemoryPolicy(info: string): MemoryPolicy | undefined {
  const limit = /^maxmemory:(\d{1,15})\r?$/m.exec(info)?.[1];
  const policy = /^maxmemory_policy:([\w-]{1,30})\r?$/m.exec(info)?.[1];
  return limit === undefined || policy === undefined ? undefined : { limit: Number(limit), policy };
}

/** What is wrong with that for the roles the server plays, and what to do; undefined where nothing is. */
export function policyProblem(
  roles: readonly RedisRole[],
  { limit, policy }: MemoryPolicy,
): string | undefined {
  if (roles.includes('queue')) {
    // Only what is cached expires, so a policy that takes nothing else spares the queue.
    if (policy === 'noeviction' || (policy.startsWith('volatile-') && roles.includes('cache'))) {
      return undefined;
    }
    return `it may drop jobs of the queue: set maxmemory-policy to noeviction, or to volatile-lru where it is the cache too (it is ${policy})`;
  }
  if (roles.includes('cache') && limit > 0 && policy === 'noeviction') {
    return 'once it is full nothing more is cached: set maxmemory-policy to allkeys-lru (it is noeviction)';
  }
  return undefined;
}
