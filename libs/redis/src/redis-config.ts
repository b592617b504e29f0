import { z } from 'zod';

import { ignored, ours, outdated } from '#config/key-docs.js';
import { bool, duration, integer, secret, section, text } from '#config/values.js';

import { type HostAddress, parseAddress, type RedisAddress } from './redis-address.js';

/** How servers are reached: one, the master that sentinels know by name, or a cluster. */
type RedisServers =
  | { readonly kind: 'single'; readonly address: RedisAddress }
  | {
      readonly kind: 'sentinel';
      readonly master: string;
      readonly sentinels: readonly HostAddress[];
    }
  | { readonly kind: 'cluster'; readonly nodes: readonly HostAddress[] };

/** What of a cluster answers reads. */
type ReadFrom = 'master' | 'slave' | 'all';

const usualPort = 6379;
const usualSentinelPort = 26_379;
const mostAddresses = 100;

const oneConnection = 'a process needs one connection, which carries all calls at once';
const number = (meaning: string) => integer().optional().describe(meaning);
const pool = (meaning: string) => ignored(number(meaning), oneConnection);
const poolTime = (meaning: string) =>
  ignored(duration().optional().describe(meaning), oneConnection);
const flag = (meaning: string) => bool().default(false).describe(meaning);
const word = (meaning: string) => text().optional().describe(meaning);
const hidden = (meaning: string) => secret().optional().describe(meaning);

const keys = {
  addrs: z
    .array(text())
    .max(mostAddresses)
    .default([])
    .describe(
      'Servers, each `host:port` or the path of a socket. With `mastername`: the sentinels. More than one without it: nodes of a cluster.',
    ),
  addr: outdated(word('Server, as Distribution 2 named it.'), 'write a list, addrs'),
  mastername: word('Name of the master that sentinels watch; turns Sentinel on.'),
  username: word('Account (ACL).'),
  password: hidden('Password.'),
  sentinelusername: word('Account at the sentinels.'),
  sentinelpassword: hidden('Password at the sentinels.'),
  db: integer({ min: 0 }).default(0).describe('Number of the database; a cluster has only 0.'),
  protocol: integer({ min: 2, max: 3 })
    .default(3)
    .describe('Version of the protocol; a server that knows only 2 is spoken to in 2.'),
  clientname: word('Name of the connection, as the server lists it.'),
  identitysuffix: word('Added to the name of the client library that the server is told.'),
  disableidentity: flag('Does not tell the server the name of the client library.'),
  tls: section({
    enabled: bool()
      .optional()
      .describe('Turns TLS on or off. Not set: on where another key of the section is set.'),
    certificate: word('PEM file: certificate of the client.'),
    key: word('PEM file: its private key.'),
    rootcas: z
      .array(text())
      .default([])
      .describe('PEM files: authorities of the servers, in place of those that Node knows.'),
  }),
  calltimeout: ours(
    duration({ min: 1, max: 10_000 })
      .prefault('50ms')
      .describe('Longest time that a request waits for Redis; then it goes on without.'),
  ),
  dialtimeout: duration({ min: 0 })
    .prefault('5s')
    .describe('Time to connect, in the background; a second at least.'),
  readtimeout: duration()
    .optional()
    .describe('Time to wait for an answer, where it is shorter than `calltimeout`.'),
  writetimeout: duration()
    .optional()
    .describe('Time to send a command, where it is shorter than `calltimeout`.'),
  minretrybackoff: duration()
    .prefault('100ms')
    .describe('Time before the first try to connect again; half of it is random.'),
  maxretrybackoff: duration()
    .prefault('5s')
    .describe('Longest time between two tries to connect; it doubles up to there.'),
  maxretries: ignored(
    number('Tries of a command.'),
    'a call that fails counts as one that found nothing, which is quicker than a second try',
  ),
  maxredirects: integer({ min: -1 })
    .default(3)
    .describe('Redirections of a cluster that a command follows.'),
  readonly: flag('Reads from the replicas of a cluster.'),
  routebylatency: flag('Reads from any node of a cluster; the nearest is not looked for.'),
  routerandomly: flag('Reads from any node of a cluster.'),
  contexttimeoutenabled: ignored(
    bool().optional().describe('Lets requests set times.'),
    'calltimeout bounds every call',
  ),
  unstableresp3: ignored(
    bool().optional().describe('Takes answers of modules in version 3 of the protocol.'),
    'no command of a module is used',
  ),
  poolfifo: ignored(
    bool().optional().describe('Takes the connection that waited longest.'),
    oneConnection,
  ),
  poolsize: pool('Connections per core.'),
  pooltimeout: poolTime('Time to wait for a connection.'),
  minidleconns: pool('Fewest idle connections.'),
  maxidleconns: pool('Most idle connections.'),
  maxactiveconns: pool('Most connections.'),
  connmaxidletime: poolTime('Time after which an idle connection is closed.'),
  connmaxlifetime: poolTime('Time after which any connection is closed.'),
  pool: ignored(
    z
      .strictObject({
        maxidle: number('Most idle connections.'),
        maxactive: number('Most connections.'),
        idletimeout: duration().optional().describe('Time of an idle connection.'),
      })
      .optional()
      .describe('Connections, as Distribution 2 named them.'),
    oneConnection,
  ),
};

/** Distribution's `redis` section, wherever it stands. Undefined where it names no server, as Distribution has it. */
function redisSection(meaning: string) {
  return z
    .strictObject(keys)
    .superRefine(check)
    .transform((section) => resolved(section))
    .optional()
    .describe(meaning);
}

type Section = z.output<z.ZodObject<typeof keys>>;
type Problem = (path: readonly (string | number)[], expected: string) => void;

function check(section: Section, context: z.core.$RefinementCtx<Section>): void {
  const problem: Problem = (path, expected) =>
    context.addIssue({ code: 'custom', path: [...path], message: `expected ${expected}` });
  checkAddresses(section, problem);
  checkCredentials(section, problem);
  const { db, mastername, addrs, tls } = section;
  if (db > 0 && mastername === undefined && addrs.length > 1) {
    problem(['db'], '0: several addrs without mastername are a cluster, which has one database');
  }
  if (tls.enabled === false) return;
  if (tls.certificate !== undefined && tls.key === undefined) {
    problem(['tls', 'key'], 'the file with the key of tls.certificate');
  }
  if (tls.key !== undefined && tls.certificate === undefined) {
    problem(['tls', 'certificate'], 'the file with the certificate of tls.key');
  }
}

function checkAddresses({ addrs, addr, mastername }: Section, problem: Problem): void {
  const form = 'host:port such as redis:6379, without a scheme and without a password';
  const named = addrs.map((text, index) => [['addrs', index], text] as const);
  const old = addr === undefined ? [] : [[['addr'], addr] as const];
  const hosts = mastername !== undefined || addrs.length > 1;
  for (const [path, text] of [...named, ...old]) {
    const address = parseAddress(text, usualPort);
    if (address === undefined) problem(path, form);
    else if (hosts && 'path' in address) problem(path, 'host:port: a socket is one server alone');
  }
  if (addr !== undefined && addrs.length > 0) problem(['addr'], 'nothing here beside addrs');
  if (mastername !== undefined && addrs.length === 0 && addr === undefined) {
    problem(['addrs'], 'the addresses of the sentinels that know mastername');
  }
}

function checkCredentials(section: Section, problem: Problem): void {
  if (section.username !== undefined && section.password === undefined) {
    problem(['password'], 'the password of username');
  }
  if (section.sentinelusername !== undefined && section.sentinelpassword === undefined) {
    problem(['sentinelpassword'], 'the password of sentinelusername');
  }
}

function resolved(section: Section) {
  const servers = serversOf(section);
  if (servers === undefined) return undefined;
  const { calltimeout, readtimeout, writetimeout, minretrybackoff, maxretrybackoff } = section;
  const { tls, readonly, routebylatency, routerandomly } = section;
  const bounds = [calltimeout, readtimeout, writetimeout].filter((each) => each !== undefined);
  const shortest = Math.max(1, minretrybackoff);
  const readFrom: ReadFrom =
    routebylatency || routerandomly ? 'all' : readonly ? 'slave' : 'master';
  return {
    servers,
    username: section.username,
    password: section.password,
    sentinelUsername: section.sentinelusername,
    sentinelPassword: section.sentinelpassword,
    db: section.db,
    protocol: section.protocol === 2 ? (2 as const) : (3 as const),
    clientName: section.clientname,
    identitySuffix: section.identitysuffix,
    disableIdentity: section.disableidentity,
    tls: usesTls(tls) ? tls : undefined,
    // Below zero stands for "no limit" there, and nothing waits without one here.
    callTimeout: Math.min(...bounds.filter((each) => each > 0)),
    dialTimeout: Math.max(1000, section.dialtimeout),
    backoff: { shortest, longest: Math.max(shortest, maxretrybackoff) },
    redirections: Math.max(0, section.maxredirects),
    readFrom,
  };
}

export type RedisConfig = NonNullable<ReturnType<typeof resolved>>;

function usesTls({ enabled, certificate, key, rootcas }: Section['tls']): boolean {
  return enabled ?? (certificate !== undefined || key !== undefined || rootcas.length > 0);
}

function serversOf({ addrs, addr, mastername }: Section): RedisServers | undefined {
  const port = mastername === undefined ? usualPort : usualSentinelPort;
  const all = addr === undefined ? addrs : [addr];
  const addresses = all.flatMap((text) => parseAddress(text, port) ?? []);
  const [address] = addresses;
  if (address === undefined) return undefined;
  const hosts = addresses.filter((each) => 'host' in each);
  if (mastername !== undefined) return { kind: 'sentinel', master: mastername, sentinels: hosts };
  return addresses.length > 1 ? { kind: 'cluster', nodes: hosts } : { kind: 'single', address };
}

/** `redis`: what is cached for all replicas, and the queue too unless that has servers of its own. */
export const redisConfig = redisSection(
  'A Redis that all replicas share. It holds what may be forgotten: while it is away, or where there is none, everything goes on.',
);

/** `queue`: a section of our own. */
export const queueConfig = ours(
  section({
    redis: ignored(
      redisSection(
        'Redis for the queue, with the keys of `redis`; without it the queue is in `redis`. Its `maxmemory-policy` must be `noeviction`.',
      ),
      'nothing is queued yet',
    ),
  }),
);
