import type { FilesystemOptions } from '#storage/filesystem/filesystem-driver.js';

type OnStep = NonNullable<FilesystemOptions['onStep']>;

/** Ends this process, without any farewell, before the n-th step; tells each step that it lived to see. */
export class Death {
  #steps = 0;
  #waiting = true;

  constructor(private readonly atStep: number | undefined) {}

  /** From here on steps count. */
  begin(): void {
    this.#waiting = false;
  }

  readonly onStep: OnStep = (step) => {
    if (this.#waiting) return;
    this.#steps += 1;
    if (this.#steps === this.atStep) process.kill(process.pid, 'SIGKILL');
    process.stdout.write(`step ${this.#steps} ${step}\n`);
  };
}
