import type { Bucket, Setting } from './server.js';

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
    ...(setting.bucket === undefined
      ? ['  filesystem:', `    rootdirectory: ${setting.root}`]
      : bucketLines(setting.bucket)),
    '  delete:',
    '    enabled: true',
    'http:',
    `  addr: 127.0.0.1:${port}`,
    '  secret: of all who share a storage',
  ];
  if (workers !== undefined) lines.push(`  workers: ${workers}`);
  if (setting.htpasswd !== undefined) {
    lines.push('auth:', '  htpasswd:', '    realm: bench', `    path: ${setting.htpasswd}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Blobs are sent by the registry, as from a disk. */
function bucketLines(bucket: Bucket): string[] {
  return [
    '  redirect:',
    '    disable: true',
    '  s3:',
    `    regionendpoint: ${bucket.endpoint}`,
    `    region: ${bucket.region}`,
    `    bucket: ${bucket.name}`,
    '    forcepathstyle: true',
    '    secure: false',
    `    accesskey: ${bucket.accessKey}`,
    `    secretkey: ${bucket.secretKey}`,
  ];
}
