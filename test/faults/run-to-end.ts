import { RunningProcess } from '../support/process.js';

/** Runs a program to its end, by itself or by a signal, and gives what it printed. */
export async function tryRunToEnd(command: string, args: readonly string[]): Promise<string> {
  const child = await RunningProcess.start(command, args);
  try {
    await child.exited;
    return child.output;
  } finally {
    await child.stop();
  }
}
