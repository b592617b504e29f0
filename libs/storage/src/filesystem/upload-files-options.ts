import type { DurableFiles, OnStep } from './durable-files.js';
import type { GatheredBytes } from './file-appender.js';
import type { FolderSync } from './folder-sync.js';

export interface UploadFilesOptions {
  /** Absolute. It is there for as long as the root is. */
  readonly folder: string;
  readonly temporaryFolder: string;
  /** Whether asking for a name costs less than handing the question to a thread. */
  readonly local: boolean;
  readonly files: DurableFiles;
  readonly folders: FolderSync;
  readonly gathered: GatheredBytes;
  readonly newId: () => string;
  readonly onStep: OnStep;
  /** From a path of the storage to one of the machine. */
  readonly resolve: (path: string) => string;
}
