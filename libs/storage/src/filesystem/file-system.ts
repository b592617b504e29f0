import { statfs } from 'node:fs/promises';

/** Numbers of `statfs(2)`. */
const types: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x2fc12fc1: 'zfs',
  0x01021994: 'tmpfs',
  0x9fa0: 'proc',
};

export interface FileSystem {
  readonly type: string;
  /**
   * On a local disk one kernel sees every change, so a `stat` settles whether a file is still the one that was read.
   * On a network file system attributes are cached elsewhere: there every read opens the file.
   */
  readonly local: boolean;
  /**
   * One log for all metadata: what an fsync makes durable includes every change of folders made before it. Elsewhere who
   * relies on a folder that another process made must sync it too.
   */
  readonly ordered: boolean;
}

export async function fileSystemOf(folder: string): Promise<FileSystem> {
  const type = types[(await statfs(folder)).type] ?? 'other';
  return {
    type,
    local: ['ext4', 'xfs', 'btrfs', 'zfs', 'tmpfs'].includes(type),
    ordered: ['ext4', 'xfs', 'zfs', 'tmpfs'].includes(type),
  };
}
