import { existsSync, readFileSync } from 'node:fs';

import { describeWith } from '../components/components.js';

/** Numbers of capabilities(7). */
const capabilities = { ptrace: 19, mount: 21 } as const;

/** As {@link describeWith}, for suites whose tools also need a privilege that containers and users often lack. */
export function describePrivileged<const Name extends string>(
  privilege: keyof typeof capabilities,
  names: readonly Name[],
  title: string,
  body: (paths: Readonly<Record<Name, string>>) => void,
): void {
  const missing = has(privilege) ? [] : [`the privilege to ${privilege}`];
  describeWith<string>([...names, ...missing], title, body);
}

function has(privilege: keyof typeof capabilities): boolean {
  if (privilege === 'mount' && !existsSync('/dev/loop-control')) return false;
  if (!existsSync('/proc/self/status')) return false;
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return ((BigInt(`0x${line?.[1] ?? '0'}`) >> BigInt(capabilities[privilege])) & 1n) === 1n;
}
