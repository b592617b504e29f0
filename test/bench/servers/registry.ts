import type { Setting } from './server.js';

/** One configuration for all registries, in Distribution's words: what its own image ships with, without request logs. */
export function registryConfiguration(port: number, setting: Setting, workers?: number): string {
  const lines = [
    'version: 0.1',
    'log:',
    '  level: error',
    '  accesslog:',
    '    disabled: true',
    'storage:',
    '  cache:',
    '    blobdescriptor: inmemory',
    '  filesystem:',
    `    rootdirectory: ${setting.root}`,
    '  delete:',
    '    enabled: true',
    'http:',
    `  addr: 127.0.0.1:${port}`,
  ];
  if (workers !== undefined) lines.push(`  workers: ${workers}`);
  if (setting.htpasswd !== undefined) {
    lines.push('auth:', '  htpasswd:', '    realm: bench', `    path: ${setting.htpasswd}`);
  }
  return `${lines.join('\n')}\n`;
}
