import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, release, totalmem } from 'node:os';

import type { Generator } from './generator.js';
import { projectRoot, version } from './servers/launch.js';
import type { ServerName } from './servers/server.js';

export interface Machine {
  readonly description: string;
  readonly limits: string;
  readonly versions: readonly string[];
  readonly commit: string;
}

export async function describeMachine(
  generator: Generator,
  directory: string,
  servers: readonly ServerName[],
): Promise<Machine> {
  const model =
    /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ??
    'unknown processor';
  const memory = (totalmem() / 1e9).toFixed(0);
  const filesystem = execFileSync('stat', ['-f', '-c', '%T', directory], {
    encoding: 'utf8',
  }).trim();
  const { detail } = await generator.run({ kind: 'limits', directory });
  const limits = detail as Record<
    'sha256BytesPerSecond' | 'smallFileSeconds' | 'writeBytesPerSecond',
    number
  >;
  return {
    description: `${model}, ${availableParallelism()} cores, ${memory} GB, Linux ${release()}, ${filesystem}`,
    limits:
      `SHA-256 ${(limits.sha256BytesPerSecond / 1e9).toFixed(2)} GB/s on one core; write and fsync of a small file ` +
      `${(limits.smallFileSeconds * 1000).toFixed(2)} ms; write and fsync of 512 MiB ${(limits.writeBytesPerSecond / 1e6).toFixed(0)} MB/s`,
    versions: [...new Set(servers.map((name) => version(name) ?? `${name}: not installed`))],
    commit: execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      cwd: projectRoot,
    }).trim(),
  };
}
