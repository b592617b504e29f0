import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { nginxConfiguration } from './nginx.js';
import { registryConfiguration } from './registry.js';
import { freePort, RunningServer, type Command, type ServerName, type Setting } from './server.js';

const components = `${process.env['HOLDFAST_COMPONENTS'] ?? '/var/cache/holdfast-components'}/bin`;

/** From dist/test/bench/servers, or from test/bench/servers, up to the folder with package.json. */
export const projectRoot = (() => {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) folder = new URL('..', folder);
  return fileURLToPath(folder);
})();

/** The command line of the checkout to measure; another one's, to compare two states of the code. */
const entry = process.env['HOLDFAST_ENTRY'] ?? `${projectRoot}/apps/cli/bin/holdfast.js`;

export async function launch(name: ServerName, setting: Setting): Promise<RunningServer> {
  const port = await freePort();
  mkdirSync(setting.scratch, { recursive: true });
  mkdirSync(setting.root, { recursive: true });
  return RunningServer.start(name, port, commandOf(name, port, setting), setting);
}

function commandOf(name: ServerName, port: number, setting: Setting): Command {
  const configuration = `${setting.scratch}/${name}.conf`;
  switch (name) {
    case 'nginx':
      writeFileSync(configuration, nginxConfiguration(port, setting));
      return { program: 'nginx', arguments: ['-c', configuration] };
    case 'distribution':
      writeFileSync(configuration, registryConfiguration(port, setting));
      return {
        program: distributionProgram(),
        arguments: ['serve', configuration],
        environment: { OTEL_TRACES_EXPORTER: 'none' },
      };
    case 'docker-registry':
      writeFileSync(configuration, registryConfiguration(port, setting));
      return { program: 'docker-registry', arguments: ['serve', configuration] };
    case 'holdfast-1':
    case 'holdfast-2':
      writeFileSync(
        configuration,
        registryConfiguration(port, setting, name === 'holdfast-1' ? 1 : 2),
      );
      return {
        program: process.execPath,
        arguments: [entry, 'serve', configuration],
      };
  }
}

function distributionProgram(): string {
  return existsSync(`${components}/registry`) ? `${components}/registry` : 'registry';
}

/** What `name` is, for the report; undefined where it is not installed. */
export function version(name: ServerName): string | undefined {
  try {
    switch (name) {
      case 'nginx':
        return `nginx ${firstMatch(execFileSync('sh', ['-c', 'nginx -v 2>&1'], { encoding: 'utf8' }))}`;
      case 'distribution':
        return `Distribution ${firstMatch(execFileSync(distributionProgram(), ['--version'], { encoding: 'utf8' }))}`;
      case 'docker-registry':
        return `Debian's docker-registry ${firstMatch(execFileSync('docker-registry', ['--version'], { encoding: 'utf8' }))}`;
      case 'holdfast-1':
      case 'holdfast-2':
        return existsSync(entry) ? `Holdfast on Node ${process.version}` : undefined;
    }
  } catch {
    return undefined;
  }
}

function firstMatch(text: string): string {
  return /\d+\.\d+\.\d+\S*/.exec(text)?.[0] ?? text.trim();
}
