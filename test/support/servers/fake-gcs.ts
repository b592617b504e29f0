import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { commandLine } from '../command-line.js';
import { type ListenOptions, listenOn, RealServer } from './real-server.js';
import { answersOk, serverEnvironment, ServerProcess } from './server-process.js';

export interface FakeGcsOptions extends ListenOptions {
  /** In memory when absent: a restart then loses everything. */
  readonly backend?: 'memory' | 'filesystem';
  /** Where clients reach it, when not directly: the addresses in its answers are made from this. */
  readonly externalUrl?: string;
}

/**
 * Google Cloud Storage without authentication. It ends a resumable upload that is asked for its state, and ignores
 * preconditions but those of a save.
 */
export class FakeGcs extends RealServer {
  readonly projectId = 'holdfast-test';

  private constructor(
    /** The `apiEndpoint` of Google's client. */
    readonly endpoint: string,
    process: ServerProcess,
  ) {
    super([process]);
  }

  static async start(
    folder: string,
    { backend = 'memory', externalUrl, ...options }: FakeGcsOptions = {},
  ): Promise<FakeGcs> {
    const { address, port, host } = await listenOn(options);
    const url = externalUrl ?? `http://${host}`;
    const data = join(folder, 'fake-gcs');
    await mkdir(data, { recursive: true });
    const process = await ServerProcess.start({
      program: 'fake-gcs-server',
      args: commandLine`-scheme http -host ${address} -port ${port} -backend ${backend}
        -filesystem-root ${data} -external-url ${url} -public-host ${new URL(url).host}`,
      cwd: folder,
      env: serverEnvironment({ HOME: folder }),
      log: join(folder, 'fake-gcs.log'),
      ready: () => answersOk(`http://${host}/_internal/healthcheck`),
    });
    return new FakeGcs(`http://${host}`, process);
  }

  async makeBucket(name: string): Promise<void> {
    const response = await fetch(`${this.endpoint}/storage/v1/b?project=${this.projectId}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name }),
    });
    if (!response.ok) {
      throw new Error(`bucket ${name}: ${response.status} ${await response.text()}`);
    }
  }
}
