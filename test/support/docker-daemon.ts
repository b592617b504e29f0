import { mkdir } from 'node:fs/promises';

import { commandLine } from './command-line.js';
import { RunningProcess } from './process.js';
import { TempDir } from './temp-dir.js';

/** Debian's dockerd with storage, sockets and credentials of its own; 127.0.0.0/8 may be plain HTTP. */
export class DockerDaemon {
  private constructor(
    private readonly folder: TempDir,
    readonly process: RunningProcess,
    /** What the docker command needs to find this daemon and no other. */
    readonly env: Readonly<Record<string, string>>,
  ) {}

  static async start(dockerd: string, args: readonly string[] = []): Promise<DockerDaemon> {
    const folder = await TempDir.create('dockerd');
    const socket = `unix://${folder.join('docker.sock')}`;
    await mkdir(folder.join('tmp'));
    const child = await RunningProcess.start(
      dockerd,
      commandLine`--data-root ${folder.join('data')} --exec-root ${folder.join('exec')}
        --pidfile ${folder.join('pid')} --host ${socket} --storage-driver overlay2
        --iptables=false --ip6tables=false --bridge=none ${args}`,
      { env: { ...process.env, TMPDIR: folder.join('tmp') } },
    );
    const env = { DOCKER_HOST: socket, DOCKER_CLI_EXPERIMENTAL: 'enabled', DOCKER_BUILDKIT: '0' };
    try {
      await child.waitForLine(/API listen on/);
    } catch (error) {
      await new DockerDaemon(folder, child, env).stop();
      throw error;
    }
    return new DockerDaemon(folder, child, env);
  }

  async stop(): Promise<void> {
    await this.process.stop(20_000);
    // The network namespace of containers without a network stays mounted.
    await this.folder.unmount();
    await this.folder.remove();
  }
}
