import { AccessController, type Grant } from '../access-controller.js';

/** The grant of a registry without access control. */
const anonymous: Grant = { subject: '', allows: () => true };

/** Everybody may do everything. */
export class OpenAccess extends AccessController {
  override async authorize(): Promise<Grant> {
    return anonymous;
  }
}
