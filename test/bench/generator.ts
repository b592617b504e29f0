import { execFileSync, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** A request and what its answer must be; every answer is compared with it. */
export interface Expectation {
  readonly method: 'GET' | 'HEAD';
  readonly path: string;
  readonly headers?: readonly string[];
  readonly status: number;
  /** -1: not announced */
  readonly length: number;
  readonly digest?: string;
  readonly text?: string;
  /** The body is the generator's own content of this length and nonce. */
  readonly content?: boolean;
  readonly nonce?: number;
}

export interface Job {
  readonly kind: 'fetch' | 'images' | 'upload' | 'dribble' | 'seed' | 'limits';
  readonly address?: string;
  readonly connections?: number;
  readonly seconds?: number;
  readonly count?: number;
  readonly requests?: readonly (Expectation | { path?: string; length: number; nonce: number })[];
  readonly repository?: string;
  readonly flow?: 'docker' | 'single' | 'again';
  readonly nonce?: number;
  readonly size?: number;
  readonly chunk?: number;
  readonly piece?: number;
  readonly interval?: number;
  readonly directory?: string;
}

export interface Load {
  readonly operations: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly failures: number;
  readonly examples: readonly string[] | null;
  readonly detail?: unknown;
}

/** The program that makes the load, compiled with the machine's own Go. */
export class Generator {
  private constructor(private readonly program: string) {}

  static build(source: string, program: string): Generator {
    execFileSync('go', ['build', '-o', program, '.'], { cwd: source, stdio: 'inherit' });
    return new Generator(program);
  }

  async run(job: Job): Promise<Load> {
    const child = spawn(this.program, { stdio: ['pipe', 'pipe', 'pipe'] });
    const code = new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    child.stdin.end(JSON.stringify(job));
    const [output, complaint, status] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      code,
    ]);
    if (status !== 0) throw new Error(`the load generator failed: ${complaint.trim()}`);
    return JSON.parse(output) as Load;
  }
}
