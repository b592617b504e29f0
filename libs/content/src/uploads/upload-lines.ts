import { BlobUploadUnknown, RangeInvalid } from '#oci/errors.js';
import {
  type ClaimPurpose,
  PartsClaimed,
  type PartWriter,
  SessionEnded,
  type UploadArea,
  type UploadedParts,
} from '#storage/upload-area.js';

import { offsetOf, type UploadState } from './upload-state.js';

/** A line that a request has, and what is known of the bytes in it. */
export interface ClaimedLine {
  readonly writer: PartWriter;
  readonly known: Pick<UploadState, 'parts' | 'digest' | 'hash'>;
}

/** Nothing is left of the upload, and nothing says that it was cancelled. */
export class UploadGone extends BlobUploadUnknown {}

/** Of bytes that have to be read again. */
export const unknown = { digest: undefined, hash: undefined };

/** The lines of parts in the storage, as an upload's state names them and the protocol speaks of them. */
export class UploadLines {
  constructor(private readonly uploads: UploadArea) {}

  /**
   * Who cannot have the parts that the state names is told where the upload stands: a chunk may have been sent twice, or to
   * an older Location. The session stays as it is.
   *
   * @param options.recover whether another line that is as long will do, if need be as a copy
   */
  async claim(
    state: UploadState,
    { recover = false, ...purpose }: ClaimPurpose & { recover?: boolean } = {},
  ): Promise<ClaimedLine> {
    try {
      return { writer: await this.#claimNamed(state, purpose), known: state };
    } catch (error) {
      if (error instanceof SessionEnded) throw new BlobUploadUnknown('the upload was cancelled');
      if (!(error instanceof PartsClaimed)) throw error;
    }
    const found = await this.find(state.session);
    if (found === undefined) throw new UploadGone('the upload was committed or purged');
    // A writer that seemed dead when this state was made has given the line back meanwhile.
    const givenBack = !found.claimed && state.claimed;
    if (found.parts.size !== offsetOf(state) || !(recover || givenBack)) {
      throw outOfOrder(state, found.parts.size);
    }
    const writer = await this.#take(state, found);
    // Another line of this session may be as long and hold other bytes.
    const same = found.parts.token === state.parts?.token;
    return { writer, known: same ? state : { parts: found.parts, ...unknown } };
  }

  /** @throws {BlobUploadUnknown} if it was cancelled */
  async find(session: string) {
    try {
      return await this.uploads.find(session);
    } catch (error) {
      if (error instanceof SessionEnded) throw new BlobUploadUnknown('the upload was cancelled');
      throw error;
    }
  }

  /**
   * @throws {RangeInvalid} if another request went on from the same offset, and was first
   * @throws {BlobUploadUnknown} if nothing is left to go on with
   */
  async finish(writer: PartWriter, state: UploadState): Promise<UploadedParts> {
    try {
      return await writer.finish();
    } catch (error) {
      if (!(error instanceof PartsClaimed)) throw error;
      const found = await this.find(state.session);
      if (found === undefined) throw new UploadGone('the upload was committed or purged meanwhile');
      throw outOfOrder(state, found.parts.size);
    }
  }

  #claimNamed({ session, parts, claimed }: UploadState, purpose: ClaimPurpose) {
    if (claimed && parts) return this.uploads.recover(session, parts);
    return this.uploads.claim(session, parts, purpose);
  }

  async #take(
    state: UploadState,
    { parts, claimed }: { readonly parts: UploadedParts; readonly claimed: boolean },
  ): Promise<PartWriter> {
    try {
      return await (claimed
        ? this.uploads.recover(state.session, parts)
        : this.uploads.claim(state.session, parts));
    } catch (error) {
      throw error instanceof PartsClaimed ? outOfOrder(state, offsetOf(state)) : error;
    }
  }
}

/** Takes back what the writer wrote where that could not be completed. */
export async function orAbandon(writer: PartWriter, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

function outOfOrder(state: UploadState, size: number): RangeInvalid {
  return new RangeInvalid('the chunk does not begin where the upload ends', {
    expectedOffset: size,
    offset: offsetOf(state),
  });
}
