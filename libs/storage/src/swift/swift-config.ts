import { z } from 'zod';

import { documented, ours } from '#config/key-docs.js';
import { bool, integer, oneOf, secret, size, text } from '#config/values.js';

const MiB = 1024 * 1024;

/** Names and ids that a file may well write as bare numbers. */
const label = () =>
  documented(z.union([z.string().min(1), z.number()]).transform(String), { kind: 'text' });

const url = () =>
  documented(
    z.string().refine((value) => {
      const { protocol } = URL.parse(value) ?? {};
      return protocol === 'http:' || protocol === 'https:';
    }, 'expected a URL such as https://keystone.example.com/v3'),
    { kind: 'text' },
  );

/** `storage.swift`, as Distribution 2.8 has it, and a few keys of our own. */
export const swiftConfig = z
  .strictObject({
    username: label().optional().describe('User, with version 1 mostly `ACCOUNT:USER`.'),
    password: secret().optional().describe('Password, or API key, of the user.'),
    authurl: url().describe('Where tokens come from: `…/auth/v1.0`, `…/v2.0` or `…/v3`.'),
    container: text().describe('Container of all objects. It is made where there is none.'),
    prefix: text()
      .optional()
      .describe(
        'Before every name: objects are at `<prefix>/files/…`, pieces of large ones at `<prefix>/segments/…`.',
      ),
    tenant: label().optional().describe('Name of the project that owns the container.'),
    tenantid: label().optional().describe('Id of that project; overrules its name.'),
    domain: label().optional().describe('Name of the domain of the user (version 3).'),
    domainid: label().optional().describe('Id of the domain of the user (version 3).'),
    tenantdomain: label()
      .optional()
      .describe(
        'Name of the domain of the project, where it is not the one of the user (version 3).',
      ),
    tenantdomainid: label().optional().describe('Id of the domain of the project (version 3).'),
    trustid: label().optional().describe('Trust to act under, in place of a project (version 3).'),
    region: text()
      .optional()
      .describe('Region whose endpoint is taken; the first one where it is not set.'),
    endpointtype: oneOf('public', 'internal', 'admin')
      .default('public')
      .describe('Which endpoint of the catalog is taken.'),
    authversion: integer({ min: 0, max: 3 })
      .default(0)
      .describe('Version of the login: 1, 2 or 3; 0 tells it from `authurl`.'),
    insecureskipverify: bool()
      .default(false)
      .describe('Takes any certificate of `authurl` and of the storage.'),
    chunksize: size({ min: MiB, max: 5 * 1024 * MiB })
      .prefault('20MiB')
      .describe('Bytes of the pieces in which large blobs are sent and kept.'),
    secretkey: secret()
      .optional()
      .describe(
        'Signs addresses (TempURL). Where it is not set, the key that is there is used, else one is made.',
      ),
    accesskey: text()
      .optional()
      .describe(
        'Goes in front of the signature of an address, with `tenantid`, as HP Cloud wanted it.',
      ),
    tempurlcontainerkey: bool()
      .default(false)
      .describe(
        'Keeps the key of addresses at the container, not at the account. Needed only where Swift does not tell what it can.',
      ),
    tempurlmethods: documented(z.array(text()), { kind: 'text' })
      .default([])
      .describe(
        'Methods that addresses may be signed for. Needed only where Swift does not tell what it can.',
      ),
    applicationcredentialid: ours(
      text()
        .optional()
        .describe('Application credential that logs in, in place of a user (version 3).'),
    ),
    applicationcredentialsecret: ours(
      secret().optional().describe('Secret of the application credential.'),
    ),
  })
  .superRefine((keys, context) => {
    const refuse = (key: keyof typeof keys, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    if (keys.applicationcredentialid !== undefined) {
      if (keys.applicationcredentialsecret === undefined) {
        refuse(
          'applicationcredentialsecret',
          'is missing: applicationcredentialid cannot do without it',
        );
      }
      if (keys.username !== undefined) {
        refuse('username', 'goes without applicationcredentialid: keep one of the two');
      }
    } else {
      if (keys.username === undefined) refuse('username', 'is missing: swift cannot do without it');
      if (keys.password === undefined) refuse('password', 'is missing: swift cannot do without it');
    }
    if (authVersion(keys) === undefined) {
      refuse('authversion', 'cannot be told from authurl: set it to 1, 2 or 3');
    }
  });

export type SwiftConfig = z.infer<typeof swiftConfig>;

/** As Distribution tells it: by the first of these that the URL has. */
export function authVersion(keys: {
  readonly authurl: string;
  readonly authversion: number;
}): 1 | 2 | 3 | undefined {
  switch (keys.authversion) {
    case 1:
    case 2:
    case 3:
      return keys.authversion;
    default:
      if (keys.authurl.includes('v3')) return 3;
      if (keys.authurl.includes('v2')) return 2;
      return keys.authurl.includes('v1') ? 1 : undefined;
  }
}
