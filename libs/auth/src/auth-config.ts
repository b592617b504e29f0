import { z } from 'zod';

import { choice, refused } from '#config/key-docs.js';
import { bool, text } from '#config/values.js';

const realm = () => text().describe('What the login prompt of a client names.');

const htpasswd = z.strictObject({
  realm: realm(),
  path: text().describe(
    'File of accounts with bcrypt hashes. Made with one account and a random password if there is none.',
  ),
});

const silly = z.strictObject({
  realm: realm(),
  service: text().describe('Named in the challenge.'),
});

const token = z.strictObject({
  realm: text().optional().describe('Address that gives out tokens.'),
  service: text().optional().describe('Name of this registry in tokens.'),
  issuer: text().optional().describe('Who signs the tokens.'),
  rootcertbundle: text().optional().describe('Certificates that tokens are checked against.'),
  jwks: text().optional().describe('Keys that tokens are checked against.'),
  autoredirect: bool().default(false).describe('Builds `realm` from the host of each request.'),
  autoredirectpath: text().optional().describe('Path of that address.'),
  signingalgorithms: z.array(text()).default([]).describe('Signatures to accept.'),
});

/** Exactly one scheme; no section at all means that everybody may do everything. */
export const authConfig = z
  .strictObject({
    htpasswd: choice(htpasswd.optional().describe('Accounts and passwords from a file.')),
    silly: choice(
      silly
        .optional()
        .describe('For development: takes every request that has an `Authorization` header.'),
    ),
    none: choice(
      z.strictObject({}).optional().describe('Everybody may do everything, and that is meant.'),
    ),
    token: choice(
      refused(
        token.optional().describe('Tokens of an authorization service.'),
        'tokens are not supported yet, and without them the registry would be open; choose htpasswd',
      ),
    ),
  })
  .optional()
  .transform((schemes, context): AuthConfig => {
    if (schemes?.htpasswd) return { scheme: 'htpasswd', ...schemes.htpasswd };
    if (schemes?.silly) return { scheme: 'silly', ...schemes.silly };
    if (schemes === undefined || schemes.none) return { scheme: 'none' };
    context.addIssue({
      code: 'custom',
      message:
        'expected one of the sections htpasswd, silly, none; remove the key for no access control',
    });
    return z.NEVER;
  })
  .describe('Who may do what. Without it, everybody everything.');

export type AuthConfig =
  | ({ readonly scheme: 'htpasswd' } & z.infer<typeof htpasswd>)
  | ({ readonly scheme: 'silly' } & z.infer<typeof silly>)
  | { readonly scheme: 'none' };
