import { mkdir, writeFile } from 'node:fs/promises';

import { RunningProcess } from './process.js';
import { TempDir } from './temp-dir.js';

/** Debian's containerd with storage and a socket of its own. */
export class ContainerdDaemon {
  private constructor(
    private readonly folder: TempDir,
    readonly process: RunningProcess,
  ) {}

  static async start(containerd: string): Promise<ContainerdDaemon> {
    const folder = await TempDir.create('containerd');
    const configuration = `version = 2
root = "${folder.join('root')}"
state = "${folder.join('state')}"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${folder.join('socket')}"
`;
    await mkdir(folder.join('tmp'));
    await writeFile(folder.join('config.toml'), configuration);
    const child = await RunningProcess.start(containerd, ['-c', folder.join('config.toml')], {
      env: { ...process.env, TMPDIR: folder.join('tmp') },
    });
    const daemon = new ContainerdDaemon(folder, child);
    try {
      await child.waitForLine(/containerd successfully booted/);
    } catch (error) {
      await daemon.stop();
      throw error;
    }
    return daemon;
  }

  get socket(): string {
    return this.folder.join('socket');
  }

  async stop(): Promise<void> {
    await this.process.stop();
    await this.folder.unmount();
    await this.folder.remove();
  }
}
