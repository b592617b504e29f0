import type { SecureContextOptions } from 'node:tls';

import { Cluster, type CommonRedisOptions, Redis } from 'ioredis';

import { addressText, type HostAddress } from './redis-address.js';
import type { RedisConfig } from './redis-config.js';
import { within } from './within.js';

export type RedisClient = Redis | Cluster;

/** Milliseconds until a socket that the server does not close is gone. */
const farewell = 100;
const soon = 1000;

/**
 * A client that is used once: it does not connect before it is told to, keeps no command for later, and is done with when
 * its connection breaks. What comes next asks the sentinels, and the cluster for its slots, anew.
 */
export function newClient(config: RedisConfig, tls: SecureContextOptions | undefined): RedisClient {
  const { servers, redirections, readFrom, username, password, db } = config;
  const common = {
    ...commonOptions(config),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: password.reveal() }),
  };
  switch (servers.kind) {
    case 'single':
      return new Redis({ ...common, ...servers.address, db, ...(tls && { tls: { ...tls } }) });
    case 'sentinel':
      return new Redis({
        ...common,
        ...sentinelOptions(config, servers.sentinels, tls),
        db,
        name: servers.master,
      });
    case 'cluster':
      return new Cluster(
        servers.nodes.map((node) => ({ ...node })),
        {
          lazyConnect: true,
          enableOfflineQueue: false,
          enableReadyCheck: false,
          clusterRetryStrategy: null,
          slotsRefreshTimeout: config.dialTimeout,
          slotsRefreshInterval: 10_000,
          maxRedirections: redirections,
          // Whoever asks has no time to wait for a cluster that mends itself.
          retryDelayOnClusterDown: 0,
          retryDelayOnTryAgain: 0,
          scaleReads: readFrom,
          redisOptions: { ...common, ...(tls && { tls: { ...tls } }) },
          // Certificates are for names: nodes are not to be reached by what a name resolves to.
          ...(tls && { dnsLookup: (host, done) => done(null, host) }),
        },
      );
  }
}

/**
 * Connects, and waits for an answer: from every node of a cluster that gives one soon, so that the first calls do not have
 * to wait for connections. @throws {Error} if there is no answer at all
 */
export async function connectClient(client: RedisClient): Promise<void> {
  await client.connect();
  if (client instanceof Redis) {
    await client.ping();
    return;
  }
  const answers = client.nodes().map(async (node) => {
    if ((await within(soon, node.ping())) === 'late') throw new Error('it does not answer');
  });
  await Promise.any(answers);
  await Promise.allSettled(answers);
}

/** For the log: where it is looked for, without credentials. */
export function serversText({ servers }: RedisConfig): string {
  switch (servers.kind) {
    case 'single':
      return addressText(servers.address);
    case 'sentinel':
      return `${servers.master} at the sentinels ${servers.sentinels.map(addressText).join(', ')}`;
    case 'cluster':
      return `the cluster of ${servers.nodes.map(addressText).join(', ')}`;
  }
}

function commonOptions(config: RedisConfig) {
  const { dialTimeout, protocol, clientName, identitySuffix, disableIdentity } = config;
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    // Needs INFO, which an account may lack; a server that loads says so to each command.
    enableReadyCheck: false,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    connectTimeout: dialTimeout,
    disconnectTimeout: farewell,
    protocol,
    disableClientInfo: disableIdentity,
    ...(clientName !== undefined && { connectionName: clientName }),
    ...(identitySuffix !== undefined && { clientInfoTag: identitySuffix }),
  } satisfies CommonRedisOptions & { disconnectTimeout: number };
}

function sentinelOptions(
  { sentinelUsername, sentinelPassword, dialTimeout }: RedisConfig,
  sentinels: readonly HostAddress[],
  tls: SecureContextOptions | undefined,
) {
  return {
    sentinels: sentinels.map((sentinel) => ({ ...sentinel })),
    sentinelRetryStrategy: () => null,
    sentinelCommandTimeout: dialTimeout,
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword: sentinelPassword.reveal() }),
    ...(tls && { tls: { ...tls }, sentinelTLS: { ...tls }, enableTLSForSentinelMode: true }),
  };
}
