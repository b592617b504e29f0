import { z } from 'zod';

import { documented, isOff, moot, ours, refused } from '#config/key-docs.js';
import { bool, integer, oneOf, secret, size, text } from '#config/values.js';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/** Smallest piece that S3 takes, the last of an object apart. */
export const smallestPiece = 5 * MiB;
/** Largest piece, and largest object that is copied in one call. */
export const largestPiece = 5 * GiB;

/** Text that may be empty, as charts and compose files leave what is not used. */
function maybe() {
  const schema = z
    .string()
    .transform((value) => (value === '' ? undefined : value))
    .optional();
  return documented(schema, { kind: 'text' });
}

function maybeSecret() {
  return documented(z.union([z.literal('').transform(() => undefined), secret()]).optional(), {
    kind: 'secret',
  });
}

const logLevels = [
  'off',
  'debug',
  'debugwithsigning',
  'debugwithhttpbody',
  'debugwithrequestretries',
  'debugwithrequesterrors',
  'debugwitheventstreambody',
] as const;

/** `storage.s3` */
export const s3Config = z
  .strictObject({
    accesskey: maybe().describe(
      'Access key. Without it: environment, shared files, web identity, the role of the container or of the machine, in this order.',
    ),
    secretkey: maybeSecret().describe('Secret of the access key.'),
    sessiontoken: maybeSecret().describe('Session token that belongs to the access key.'),
    credentialsconfigpath: maybe().describe(
      'Shared configuration file with credentials, besides those at the usual places.',
    ),
    region: maybe().describe(
      'Region of the bucket. It may be left out with `regionendpoint`, and then is `us-east-1`.',
    ),
    regionendpoint: maybe().describe(
      'Address of a service other than Amazon’s, such as `http://minio:9000`.',
    ),
    redirectendpoint: maybe().describe(
      'Address at which clients reach the service, where it is another than `regionendpoint`: redirects go there.',
    ),
    forcepathstyle: documented(
      bool()
        .optional()
        .describe(
          '`true`: the bucket is in the path. `false`: it is in the host name. Where it is not set: in the host name if that resolves, which it always does at Amazon.',
        ),
      { otherwise: 'as host names resolve' },
    ),
    bucket: text().describe('Bucket, which must exist.'),
    encrypt: bool().default(false).describe('Has the service encrypt what is written.'),
    keyid: maybe().describe('Key of KMS to encrypt with; without one the service’s own.'),
    secure: bool()
      .default(true)
      .describe('HTTPS, unless `regionendpoint` itself says `http://` or `https://`.'),
    skipverify: bool().default(false).describe('Takes any certificate of the service.'),
    v4auth: refused(
      bool().default(true).describe('Signature version 4.'),
      '`false` asks for version 2, which is not spoken; every service of the last ten years takes version 4',
      { harmless: (value) => !isOff(value) },
    ),
    chunksize: size({ min: smallestPiece, max: largestPiece })
      .prefault('10MB')
      .describe(
        'Bytes of one piece of a large upload; an upload has 10,000 pieces at most, which grow if need be.',
      ),
    multipartcopychunksize: size({ min: smallestPiece, max: largestPiece })
      .prefault('32MB')
      .describe('Bytes that one call copies inside the bucket.'),
    multipartcopymaxconcurrency: integer({ min: 1 })
      .default(100)
      .describe('Such calls at once, for one blob.'),
    multipartcopythresholdsize: size({ min: 0, max: largestPiece })
      .prefault('32MB')
      .describe('Up to so many bytes are copied in one call.'),
    uniformparts: ours(
      bool()
        .optional()
        .describe(
          'All pieces of an object but the last get one size. Where it is not set: at Cloudflare R2, which asks for it.',
        ),
      { otherwise: 'as the service needs it' },
    ),
    rootdirectory: maybe().describe('Prefix of all keys in the bucket.'),
    storageclass: oneOf(
      'STANDARD',
      'NONE',
      'REDUCED_REDUNDANCY',
      'STANDARD_IA',
      'ONEZONE_IA',
      'INTELLIGENT_TIERING',
      'OUTPOSTS',
      'GLACIER_IR',
      'EXPRESS_ONEZONE',
    )
      .default('STANDARD')
      .describe(
        'Storage class of what is written. `NONE` and `STANDARD` name none, so that the service chooses.',
      ),
    useragent: maybe().describe('Is added to the `User-Agent` of requests.'),
    usedualstack: bool().default(false).describe('Amazon’s addresses for IPv4 and IPv6.'),
    accelerate: bool().default(false).describe('Amazon’s transfer acceleration.'),
    usefipsendpoint: bool().default(false).describe('Amazon’s FIPS addresses.'),
    objectacl: oneOf(
      'private',
      'public-read',
      'public-read-write',
      'authenticated-read',
      'aws-exec-read',
      'bucket-owner-read',
      'bucket-owner-full-control',
    )
      .default('private')
      .describe('Canned ACL of what is written.'),
    loglevel: moot(
      // YAML reads `off` as false.
      z
        .union([z.literal(false).transform(() => 'off' as const), oneOf(...logLevels)])
        .optional()
        .describe('What Amazon’s SDK for Go logs.'),
      'another SDK is used, and failures are in the log of the registry',
    ),
  })
  .superRefine((config, context) => {
    const wrong = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    if ((config.accesskey === undefined) !== (config.secretkey === undefined)) {
      const [missing, there] =
        config.accesskey === undefined ? ['accesskey', 'secretkey'] : ['secretkey', 'accesskey'];
      wrong(missing, `is missing: it belongs to storage.s3.${there}; set both or none`);
    }
    for (const key of ['regionendpoint', 'redirectendpoint'] as const) {
      if (config[key] !== undefined && !URL.canParse(withScheme(config[key], true))) {
        wrong(key, 'expected an address such as http://minio:9000');
      }
    }
    if (config.regionendpoint !== undefined) return;
    if (config.region === undefined) wrong('region', 'is missing: the region of the bucket');
    else if (!/^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$|^aws-global$/.test(config.region)) {
      wrong('region', 'expected a region of Amazon such as eu-central-1, or a regionendpoint');
    }
  });

export type S3Config = z.infer<typeof s3Config>;

/** Endpoints may come without. */
export function withScheme(endpoint: string, secure: boolean): string {
  return /^https?:\/\//i.test(endpoint) ? endpoint : `${secure ? 'https' : 'http'}://${endpoint}`;
}
