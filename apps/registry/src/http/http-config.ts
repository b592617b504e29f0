import { z } from 'zod';

import { documented, ignored, live, ours } from '#config/key-docs.js';
import {
  bool,
  duration,
  headers,
  integer,
  oneOf,
  secret,
  section,
  size,
  text,
} from '#config/values.js';

import { cipherSuites } from './cipher-suites.js';
import { addressRange, baseUrl, listenAddress, pathPrefix } from './http-values.js';

/** Loopback, and the ranges that load balancers in front of a registry come from: RFC 1918, RFC 6598, unique local. */
const privateRanges = [
  '127.0.0.0/8',
  '::1/128',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
];

const letsencrypt = section({
  cachefile: text()
    .optional()
    .describe('Folder in which certificates and the account are kept. Setting it turns this on.'),
  email: text().optional().describe("Contact of the account at Let's Encrypt."),
  hosts: z.array(text()).default([]).describe('Names to get certificates for.'),
  directoryurl: text()
    .default('https://acme-v02.api.letsencrypt.org/directory')
    .describe('Directory of another ACME service.'),
});

const tls = section({
  certificate: text().optional().describe('PEM file: the certificate and its chain.'),
  key: text().optional().describe('PEM file: the private key.'),
  clientcas: z
    .array(text())
    .default([])
    .describe('PEM files: authorities whose client certificates are accepted.'),
  clientauth: documented(
    oneOf(
      'request-client-cert',
      'require-any-client-cert',
      'verify-client-cert-if-given',
      'require-and-verify-client-cert',
    )
      .optional()
      .describe('What is asked of client certificates. Those that require one need `clientcas`.'),
    { otherwise: '`require-and-verify-client-cert`' },
  ),
  minimumtls: ignored(
    oneOf('tls1.0', 'tls1.1', 'tls1.2', 'tls1.3')
      .default('tls1.2')
      .describe('Oldest version of TLS: `tls1.2` or `tls1.3`.'),
    'versions before 1.2 are broken; 1.2 is the oldest that is spoken',
    {
      harmless: (value) => value !== 'tls1.0' && value !== 'tls1.1',
      only: 'with `tls1.0` and `tls1.1`',
    },
  ),
  ciphersuites: z
    .array(oneOf(...cipherSuites.keys()))
    .default([])
    .describe("Cipher suites by their IANA names; none set: Node's choice."),
  letsencrypt,
})
  .superRefine(({ clientauth, clientcas }, context) => {
    // Distribution passes over it then, and lets everybody in.
    if (clientauth?.startsWith('require') !== true || clientcas.length > 0) return;
    context.addIssue({
      code: 'custom',
      path: ['clientcas'],
      message: `expected authorities, because http.tls.clientauth is ${clientauth}`,
    });
  })
  .transform(({ clientauth = 'require-and-verify-client-cert', ...others }) => ({
    ...others,
    clientauth,
  }));

const limits = ours(
  section({
    headertimeout: duration({ min: 1000 })
      .prefault('15s')
      .describe('Time for the head of a request to come.'),
    keepalivetimeout: duration({ min: 0 })
      .prefault('75s')
      .describe("Time an idle connection stays open; longer than a load balancer's."),
    stalltimeout: duration({ min: 1000 })
      .prefault('60s')
      .describe('A body must move `stallbytes` in each span of this length, or is cut.'),
    stallbytes: size({ min: 1 }).prefault('4KiB').describe('See `stalltimeout`.'),
    headersize: size({ min: 8192, max: 1024 ** 2 })
      .prefault('32KiB')
      .describe('Largest head of a request.'),
    urlsize: size({ min: 1024 }).prefault('16KiB').describe('Longest URL of a request.'),
    connections: integer({ min: 1 })
      .default(16_384)
      .describe('Most open connections of one process.'),
  }),
);

export const httpConfig = section({
  addr: listenAddress()
    .default(':5000')
    .describe('Host and port to listen on, or the path of a socket for `net: unix`.'),
  net: oneOf('tcp', 'unix').default('tcp').describe('Kind of socket.'),
  host: baseUrl()
    .optional()
    .describe('Address of the registry from outside; all absolute URLs begin with it.'),
  prefix: pathPrefix().optional().describe('Path before `/v2/`.'),
  relativeurls: bool().default(false).describe('Locations without scheme and host.'),
  secret: live(
    secret()
      .optional()
      .describe(
        'Signs the state of uploads; the same on all replicas. None set: one is made and kept in the storage.',
      ),
  ),
  secrets: live(
    ours(
      z
        .array(secret())
        .default([])
        .describe('Several, to change them without a break: the first signs, all verify.'),
    ),
  ),
  secretfile: live(
    ours(
      text()
        .optional()
        .describe(
          'File that holds them instead, one on each line. It is read again when it changes.',
        ),
    ),
  ),
  draintimeout: duration({ min: 0 })
    .prefault('60s')
    .describe('Time that requests under way have to finish when the server stops.'),
  drainwait: ours(
    duration({ min: 0 })
      .prefault('5s')
      .describe('Time between the failing readiness and the closed door.'),
  ),
  headers: headers().default({}).describe('Added to every answer.'),
  tls,
  debug: section({
    addr: listenAddress()
      .optional()
      .describe('Second address, for health and metrics. Keep it from the public.'),
    prometheus: section({
      enabled: bool().default(false).describe('Offers metrics on the debug address.'),
      path: text().default('/metrics').describe('Where.'),
    }),
  }),
  http2: section({ disabled: bool().default(false).describe('HTTP/2 over TLS is not offered.') }),
  h2c: section({
    enabled: bool().default(false).describe('HTTP/2 without TLS, by prior knowledge.'),
  }),
  workers: ours(integer({ min: 1 }).optional().describe('Processes that share the work.'), {
    otherwise: 'one per core',
  }),
  trustedproxies: ours(
    z
      .array(addressRange())
      .default(privateRanges)
      .describe('Peers whose `Forwarded` and `X-Forwarded-…` headers are believed.'),
  ),
  trustforwarded: ours(
    section({
      port: bool().default(false).describe('Believes `X-Forwarded-Port` too.'),
      prefix: bool().default(false).describe('Believes `X-Forwarded-Prefix` too.'),
    }),
  ),
  limits,
}).superRefine(({ tls, secret, secrets, secretfile }, context) => {
  const refuse = (path: readonly string[], message: string) => {
    context.addIssue({ code: 'custom', path: [...path], message });
  };
  const acme = tls.letsencrypt.cachefile !== undefined;
  if (tls.certificate !== undefined && tls.key === undefined) {
    refuse(['tls', 'key'], 'expected a file, because http.tls.certificate is set');
  }
  if (tls.key !== undefined && tls.certificate === undefined) {
    refuse(['tls', 'certificate'], 'expected a file, because http.tls.key is set');
  }
  if (acme && tls.certificate !== undefined) {
    refuse(['tls', 'letsencrypt', 'cachefile'], 'expected nothing beside http.tls.certificate');
  }
  if (acme && tls.letsencrypt.hosts.length === 0) {
    refuse(['tls', 'letsencrypt', 'hosts'], 'expected the names to get certificates for');
  }
  if (tls.clientcas.length > 0 && !acme && tls.certificate === undefined) {
    refuse(['tls', 'clientcas'], 'expected http.tls.certificate beside it');
  }
  if (
    [secret !== undefined, secrets.length > 0, secretfile !== undefined].filter(Boolean).length > 1
  ) {
    refuse(['secret'], 'expected only one of http.secret, http.secrets, http.secretfile');
  }
});

export type HttpConfig = z.infer<typeof httpConfig>;
