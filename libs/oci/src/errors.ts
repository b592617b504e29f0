/** The error codes of the OCI distribution spec, §"Error Codes", that are answered, plus those that Docker clients know from Distribution. */
export type ErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PAGINATION_NUMBER_INVALID'
  | 'RANGE_INVALID'
  | 'SIZE_INVALID'
  | 'TAG_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNAVAILABLE'
  | 'UNKNOWN'
  | 'UNSUPPORTED';

export type ErrorDetail = Readonly<Record<string, unknown>> | readonly unknown[];

/** A failure that has a name in the distribution spec. Everything else is a bug and answers 500. */
export abstract class RegistryError extends Error {
  abstract readonly code: ErrorCode;

  constructor(
    message: string,
    readonly detail?: ErrorDetail,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

export class BlobUnknown extends RegistryError {
  readonly code = 'BLOB_UNKNOWN';
  constructor(digest: { toString(): string }) {
    super('blob unknown to registry', { digest: digest.toString() });
  }
}

/** The stored bytes of a blob are known to be wrong; pushing the blob again heals it. */
export class BlobDamaged extends RegistryError {
  readonly code = 'UNKNOWN';
  constructor(digest: { toString(): string }, detail: Record<string, unknown> = {}) {
    super('stored blob is damaged; push it again to repair it', {
      digest: digest.toString(),
      ...detail,
    });
  }
}

export class BlobUploadUnknown extends RegistryError {
  readonly code = 'BLOB_UPLOAD_UNKNOWN';
  constructor(reason: string) {
    super('blob upload unknown to registry', { reason });
  }
}

export class DigestInvalid extends RegistryError {
  readonly code = 'DIGEST_INVALID';
}

/** A manifest can name 30,000 digests; whoever pushes it does not read that many. */
const mostDigests = 100;

export class ManifestBlobUnknown extends RegistryError {
  readonly code = 'MANIFEST_BLOB_UNKNOWN';
  constructor(digests: readonly string[]) {
    super('manifest references content that this repository does not have', {
      digests: digests.slice(0, mostDigests),
      ...(digests.length > mostDigests && { more: digests.length - mostDigests }),
    });
  }
}

export class ManifestInvalid extends RegistryError {
  readonly code = 'MANIFEST_INVALID';
}

export class ManifestUnknown extends RegistryError {
  readonly code = 'MANIFEST_UNKNOWN';
  constructor(name: string, reference: { toString(): string }) {
    super('manifest unknown', { name, reference: reference.toString() });
  }
}

export class NameInvalid extends RegistryError {
  readonly code = 'NAME_INVALID';
}

export class NameUnknown extends RegistryError {
  readonly code = 'NAME_UNKNOWN';
  constructor(name: string) {
    super('repository name not known to registry', { name });
  }
}

export class PaginationNumberInvalid extends RegistryError {
  readonly code = 'PAGINATION_NUMBER_INVALID';
  constructor(n: unknown) {
    super('n must be one whole number, 0 or more', { n });
  }
}

export class RangeInvalid extends RegistryError {
  readonly code = 'RANGE_INVALID';
}

export class SizeInvalid extends RegistryError {
  readonly code = 'SIZE_INVALID';
}

export class TagInvalid extends RegistryError {
  readonly code = 'TAG_INVALID';
}

export class TooManyRequests extends RegistryError {
  readonly code = 'TOOMANYREQUESTS';
}

export class Unauthorized extends RegistryError {
  readonly code = 'UNAUTHORIZED';
  /** @param challenge the value of the `WWW-Authenticate` header. */
  constructor(
    readonly challenge: string,
    detail?: ErrorDetail,
  ) {
    super('authentication required', detail);
  }
}

/** The storage cannot take or give the bytes now; the same request may succeed later. */
export class Unavailable extends RegistryError {
  readonly code = 'UNAVAILABLE';
}

export class Unsupported extends RegistryError {
  readonly code = 'UNSUPPORTED';
}
