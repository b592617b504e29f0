import { freePort } from '../free-port.js';
import { type ServerCommand, ServerProcess } from './server-process.js';

export interface ListenOptions {
  /** A loopback address, 127.0.0.1 when absent. */
  readonly address?: string;
  /** A free port when absent. */
  readonly port?: number;
}

/**
 * A server somebody else wrote, on loopback, with its data and logs below a folder that its owner removes. What a method
 * does, it does to all processes of the server.
 */
export abstract class RealServer {
  protected constructor(readonly processes: readonly ServerProcess[]) {}

  async stop(): Promise<void> {
    for (const process of this.processes.toReversed()) await process.stop();
  }

  async kill(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill()));
  }

  pause(): void {
    for (const process of this.processes) process.pause();
  }

  resume(): void {
    for (const process of this.processes) process.resume();
  }

  /** Starts again, with the same address and data, what was stopped or killed. */
  async restart(): Promise<void> {
    for (const process of this.processes) await process.restart();
  }
}

export async function listenOn({ address = '127.0.0.1', port }: ListenOptions): Promise<{
  readonly address: string;
  readonly port: number;
  readonly host: string;
}> {
  const chosen = port ?? (await freePort());
  return { address, port: chosen, host: `${address}:${chosen}` };
}

/** Ports that differ. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

/** Starts them together; should one fail, the others end. */
export async function startAll(
  commands: readonly ServerCommand[],
): Promise<readonly ServerProcess[]> {
  const results = await Promise.allSettled(commands.map((command) => ServerProcess.start(command)));
  const started = results.flatMap((result) =>
    result.status === 'fulfilled' ? [result.value] : [],
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map((process) => process.stop()));
  throw failed.reason;
}
