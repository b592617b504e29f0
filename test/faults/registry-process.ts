import { projectRoot } from '../support/holdfast.js';
import { RunningProcess } from '../support/process.js';

export const processFile = (name: string) => `${projectRoot}dist/test/faults/processes/${name}.js`;

/** A registry in a process of its own, which may be made to die, or to have a bug. */
export class RegistryProcess {
  private constructor(
    readonly url: string,
    readonly process: RunningProcess,
  ) {}

  static async start(folder: string, options: readonly string[] = []): Promise<RegistryProcess> {
    const args = [processFile('registry'), folder, ...options];
    const child = await RunningProcess.start(process.execPath, args);
    const line = await child.waitForLine(/^listening \S+$/);
    return new RegistryProcess(line.slice('listening '.length), child);
  }

  /** The steps of writes since it began to listen. */
  get steps(): readonly string[] {
    return this.process.output.split('\n').filter((line) => line.startsWith('step '));
  }

  /** What it told besides. */
  get log(): string {
    return this.process.output.replaceAll(/^step .*\n/gm, '');
  }

  async kill(): Promise<void> {
    this.process.signal('SIGKILL');
    await this.process.exited;
  }
}
