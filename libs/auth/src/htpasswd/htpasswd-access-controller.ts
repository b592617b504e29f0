import { Unauthorized } from '#oci/errors.js';

import { AccessController, type AccessRequest, type Grant } from '../access-controller.js';
import { basicChallenge } from '../challenge.js';
import { describeScopes } from '../scope.js';
import { type BasicCredentials, parseBasicCredentials } from './basic-credentials.js';
import type { HtpasswdFile } from './htpasswd-file.js';
import { PasswordVerifier } from './password-verifier.js';

const everything = (): boolean => true;

/** User name and password against an htpasswd file. Whoever is in the file may do everything. */
export class HtpasswdAccessController extends AccessController {
  readonly #challenge: string;

  constructor(
    realm: string,
    override readonly accounts: HtpasswdFile,
    private readonly passwords: PasswordVerifier = new PasswordVerifier(),
  ) {
    super();
    this.#challenge = basicChallenge(realm);
  }

  override async authorize({ authorization, required, source }: AccessRequest): Promise<Grant> {
    const credentials =
      authorization === undefined ? undefined : parseBasicCredentials(authorization);
    if (credentials === undefined || !(await this.#verify(credentials, source))) {
      throw new Unauthorized(this.#challenge, describeScopes(required));
    }
    return { subject: credentials.user, allows: everything };
  }

  /** Against the accounts as they are when the check ends: it may have waited while somebody was removed. */
  async #verify(credentials: BasicCredentials, source: AccessRequest['source']): Promise<boolean> {
    for (;;) {
      const { users } = this.accounts;
      const matched = await this.passwords.verify(credentials, users, source);
      if (users === this.accounts.users) return matched;
    }
  }

  onApplicationShutdown(): void {
    this.accounts.close();
  }
}
