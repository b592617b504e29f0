import type { FilesystemOptions } from '#storage/filesystem/filesystem-driver.js';

type OnStep = NonNullable<FilesystemOptions['onStep']>;

/** Ends a storage's writes before the n-th step, without any farewell. */
export class Death {
  readonly steps: string[] = [];
  #waiting = true;

  constructor(
    private readonly atStep: number | undefined,
    /** Must not return. */
    private readonly die: () => void | Promise<never> = killThisProcess,
    private readonly tell: (line: string) => void = (line) => void process.stdout.write(line),
  ) {}

  /** From here on steps count. */
  begin(): void {
    this.#waiting = false;
  }

  readonly onStep: OnStep = (step) => {
    if (this.#waiting) return undefined;
    if (this.steps.length + 1 === this.atStep) return this.die();
    this.steps.push(step);
    this.tell(`step ${this.steps.length} ${step}\n`);
    return undefined;
  };
}

function killThisProcess(): void {
  process.kill(process.pid, 'SIGKILL');
}
