import type { DigestAlgorithm } from '#oci/digest.js';

/** A hash in the middle of its bytes, and what it would be if they ended there. */
export interface HashSoFar {
  /** To go on with elsewhere. Only the same version of the same library reads it. */
  readonly saved: Uint8Array;
  readonly hex: string;
}

/** Bytes of one chunk in the shared memory. */
export const slotSize = 64 * 1024;
export const slotCount = 16;

/** What the thread is told; of one hash in this order. */
export type HashOrder =
  | {
      readonly kind: 'begin';
      readonly id: number;
      readonly algorithm: DigestAlgorithm;
      readonly saved: Uint8Array | undefined;
    }
  | { readonly kind: 'update'; readonly id: number; readonly slot: number; readonly size: number }
  | { readonly kind: 'finish'; readonly id: number }
  | { readonly kind: 'drop'; readonly id: number };

/** What the thread tells. */
export type HashReport =
  | { readonly kind: 'free'; readonly slot: number }
  /** Undefined where the saved state was not one to go on with. */
  | { readonly kind: 'finished'; readonly id: number; readonly soFar: HashSoFar | undefined };
