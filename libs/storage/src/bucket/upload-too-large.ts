/** More bytes than the back end can hold in one object. */
export class UploadTooLarge extends Error {
  override readonly name = 'UploadTooLarge';
  constructor(
    readonly session: string,
    readonly maximumSize: number,
  ) {
    super(
      `upload session ${session} has more than the ${maximumSize} bytes that the storage holds`,
    );
  }
}
