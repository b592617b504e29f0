import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

/** What a process and all its descendants cost, read from /proc. */
export class ProcessTree {
  constructor(readonly root: number) {}

  pids(): number[] {
    const children = new Map<number, number[]>();
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      const stat = statOf(Number(entry));
      if (stat === undefined) continue;
      const siblings = children.get(stat.parent) ?? [];
      siblings.push(Number(entry));
      children.set(stat.parent, siblings);
    }
    const found = [this.root];
    for (const pid of found) found.push(...(children.get(pid) ?? []));
    return found;
  }

  /** Seconds of user and system time so far, those of children that have ended included. */
  cpuSeconds(): number {
    return this.pids().reduce((sum, pid) => sum + (statOf(pid)?.cpuTicks ?? 0), 0) / ticksPerSecond;
  }

  resetPeaks(): void {
    for (const pid of this.pids()) writeFileSync(`/proc/${pid}/clear_refs`, '5');
  }

  /** The largest resident set of any one process since `resetPeaks`, in bytes. */
  peak(): number {
    return Math.max(...this.pids().map((pid) => statusBytes(pid, 'VmHWM')));
  }

  /** The resident sets of all processes now, the largest first, in bytes. */
  resident(): number[] {
    return this.pids()
      .map((pid) => statusBytes(pid, 'VmRSS'))
      .sort((a, b) => b - a);
  }
}

const ticksPerSecond = 100;

function statOf(pid: number): { parent: number; cpuTicks: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return { parent: field(4), cpuTicks: field(14) + field(15) + field(16) + field(17) };
}

function statusBytes(pid: number, name: string): number {
  try {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(
      readFileSync(`/proc/${pid}/status`, 'latin1'),
    );
    return Number(line?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
