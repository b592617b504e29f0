/** An answer that ended early, or lacks what it must say: as good as none. */
export class BrokenOff extends Error {
  override readonly name = 'BrokenOff';
}
