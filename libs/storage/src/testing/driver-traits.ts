/** What drivers do differently, each as well as its back end allows. */
export interface DriverTraits {
  /**
   * What settles which of several requests goes on with an upload's line: the claim; the finishing of a part; or only the
   * token, which tells whose parts count where the lines fork.
   */
  readonly uploadsSettledBy: 'claim' | 'finish' | 'token';
  /** Whether a folder that holds something is told from one that does not. */
  readonly knowsFolders: boolean;
  /** Whether of several who create a file exactly one does, and a file is removed only as it was compared. */
  readonly compares: boolean;
  /**
   * Whether calls are repeated because answers get lost. Then two who remove a file may both be told that they did, a
   * removal without a comparison may take what was written after it, and a file that was new, written and removed may be
   * written once more (`docs/adr/0025-a-repeated-write-of-a-tag.md`).
   */
  readonly repeats?: boolean;
}

export const traitsOfFolders: DriverTraits = {
  uploadsSettledBy: 'claim',
  knowsFolders: true,
  compares: true,
};

export const traitsOfBuckets: DriverTraits = {
  uploadsSettledBy: 'finish',
  knowsFolders: false,
  compares: true,
};

/** Of those without conditional writes. */
export const traitsOfPlainBuckets: DriverTraits = {
  uploadsSettledBy: 'token',
  knowsFolders: false,
  compares: false,
};
