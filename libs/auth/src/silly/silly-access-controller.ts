import { Unauthorized } from '#oci/errors.js';

import { AccessController, type AccessRequest, type Grant } from '../access-controller.js';
import { bearerChallenge } from '../challenge.js';
import { describeScopes } from '../scope.js';

const grant: Grant = { subject: 'silly', allows: () => true };

/** Distribution's scheme for testing clients: whoever sends any `Authorization` is let in. */
export class SillyAccessController extends AccessController {
  constructor(
    private readonly realm: string,
    private readonly service: string,
  ) {
    super();
  }

  override async authorize({
    authorization,
    required,
    wished = [],
  }: AccessRequest): Promise<Grant> {
    if (authorization) return grant;
    throw new Unauthorized(
      bearerChallenge(this.realm, this.service, [...required, ...wished]),
      describeScopes(required),
    );
  }
}
