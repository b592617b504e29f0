import { writeFile } from 'node:fs/promises';

import { stringify } from 'yaml';

import { freePort } from './free-port.js';
import { RunningProcess } from './process.js';
import { TempDir } from './temp-dir.js';

/** Another registry over the same kind of storage: Debian's docker-registry or Distribution. */
export class PeerRegistry {
  private constructor(
    readonly host: string,
    private readonly process: RunningProcess,
    private readonly folder: TempDir,
  ) {}

  /** @param root a folder, or what its configuration says of another storage */
  static async start(program: string, root: string | object): Promise<PeerRegistry> {
    const storage = typeof root === 'string' ? { filesystem: { rootdirectory: root } } : root;
    const folder = await TempDir.create('peer');
    const port = await freePort();
    const host = `127.0.0.1:${port}`;
    const configuration = {
      version: 0.1,
      log: { level: 'error' },
      storage: { ...storage, delete: { enabled: true } },
      http: { addr: host },
    };
    await writeFile(folder.join('config.yml'), stringify(configuration));
    const child = await RunningProcess.start(program, ['serve', folder.join('config.yml')], {
      cwd: folder.path,
      env: { PATH: '/usr/bin:/bin', OTEL_TRACES_EXPORTER: 'none' },
    });
    const peer = new PeerRegistry(host, child, folder);
    try {
      await child.waitForPort(port);
    } catch (error) {
      await peer.stop();
      throw error;
    }
    return peer;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  async stop(): Promise<void> {
    await this.process.stop();
    await this.folder.remove();
  }
}
