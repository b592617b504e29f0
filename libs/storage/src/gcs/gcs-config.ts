import { z } from 'zod';

import { ours } from '#config/key-docs.js';
import { integer, secret, size, text } from '#config/values.js';

const KiB = 1024;

/** What the JSON key of a service account holds. */
const credentials = z.strictObject({
  type: text().default('service_account').describe('`service_account`.'),
  client_email: text().describe('The service account.'),
  private_key: secret().describe('Its private key in PEM.'),
  private_key_id: text().optional().describe('Id of the key.'),
  project_id: text().optional().describe('Project of the account.'),
  client_id: text().optional().describe('Id of the account.'),
  auth_uri: text().optional().describe('As in the key file.'),
  token_uri: text().optional().describe('As in the key file.'),
  auth_provider_x509_cert_url: text().optional().describe('As in the key file.'),
  client_x509_cert_url: text().optional().describe('As in the key file.'),
  universe_domain: text()
    .optional()
    .describe('Domain of the service, where it is not Google’s public cloud.'),
});

/** `storage.gcs` */
export const gcsConfig = z.strictObject({
  bucket: text().describe('Bucket, which must exist.'),
  keyfile: text()
    .optional()
    .describe(
      'JSON file of a service account, or of workload identity federation. Where neither this nor `credentials` is set: application default credentials.',
    ),
  credentials: credentials.optional().describe('Content of such a key file.'),
  rootdirectory: text().optional().describe('Prefix of all names in the bucket.'),
  chunksize: size({ min: 256 * KiB })
    .prefault('8MiB')
    .refine((bytes) => bytes % (256 * KiB) === 0, 'expected a multiple of 256 KiB')
    .describe('Bytes of a large blob that are sent at a time, a multiple of 256 KiB.'),
  useragent: text().optional().describe('How the registry calls itself to the service.'),
  maxconcurrency: integer({ min: 0 })
    .default(50)
    .describe(
      'Calls that one process has under way at once; 25 at least. Bytes on their way to clients do not count.',
    ),
  endpoint: ours(
    text()
      .optional()
      .refine(
        (address) => address === undefined || /^https?:$/.test(URL.parse(address)?.protocol ?? ''),
        'expected an address such as http://127.0.0.1:4443',
      )
      .describe(
        'Address of the service, where it is not Google’s own; over plain http nobody is asked who he is. `STORAGE_EMULATOR_HOST` in the environment does the same.',
      ),
  ),
});

export type GcsConfig = z.infer<typeof gcsConfig>;
