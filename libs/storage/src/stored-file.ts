/** A small file and where it goes. */
export interface StoredFile {
  readonly path: string;
  readonly content: Uint8Array;
}
