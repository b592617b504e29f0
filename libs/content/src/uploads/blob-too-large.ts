import { SizeInvalid } from '#oci/errors.js';

/** More bytes than the storage holds in one blob. */
export class BlobTooLarge extends SizeInvalid {
  constructor(limit: number) {
    super('the blob is larger than the storage can hold', { limit });
  }
}
