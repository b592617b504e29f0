import { mkdirSync, writeFileSync } from 'node:fs';

import type { Setting } from './server.js';

/** Static files with sendfile: what the machine can do when nothing has to be decided. */
export function nginxConfiguration(port: number, setting: Setting): string {
  const scratch = `${setting.scratch}/nginx`;
  mkdirSync(scratch, { recursive: true });
  writeFileSync(`${setting.root}/ready`, 'ready\n');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
pid ${scratch}/pid;
error_log ${scratch}/error.log;
worker_processes 2;
events { worker_connections 2048; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  default_type application/octet-stream;
${temporary.map((kind) => `  ${kind}_temp_path ${scratch}/${kind};`).join('\n')}
  server { listen 127.0.0.1:${port}; root ${setting.root}; }
}
`;
}
