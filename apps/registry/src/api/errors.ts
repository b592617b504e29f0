import { SizeInvalid, Unsupported } from '#oci/errors.js';

/** A manifest over the limit: 413 instead of the 400 of other sizes (distribution-spec, §"Pushing Manifests"). */
export class ManifestTooLarge extends SizeInvalid {
  constructor(limit: number) {
    super('manifest is too large', { limit });
  }
}

export class MethodNotAllowed extends Unsupported {
  constructor(
    message: string,
    readonly allow: readonly string[],
  ) {
    super(message, { allow });
  }
}

/** More parameters than the registry takes in one URL (distribution-spec "dev", §"Pushing Manifests"). */
export class TooManyTags extends SizeInvalid {
  constructor(limit: number) {
    super('too many tags in one request', { limit });
  }
}
