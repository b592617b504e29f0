import { Command } from 'commander';

import { htpasswdCommand } from './htpasswd/htpasswd-command.js';
import { version } from './version.js';

/** The command line. What a command needs is imported when it runs: the server must not load the password tool. */
export function program(): Command {
  const holdfast = new Command('holdfast')
    .description('A container registry for OCI and Docker images.')
    .version(version(), '--version', 'say which version this is')
    .helpCommand(false)
    .showHelpAfterError('(holdfast --help shows what there is)');

  holdfast
    .command('serve')
    .summary('run the registry')
    .description(
      'Runs the registry. Without a file, REGISTRY_CONFIGURATION_PATH names it; without that too, the defaults apply and the data is in ./data.',
    )
    .argument('[config]', 'YAML file, as for Distribution')
    .action(async (path?: string) => {
      const { StartingWorker } = await import('#registry/workers/starting-worker.js');
      const early = StartingWorker.forkIfLikely(path);
      try {
        const { loadRegistryConfig } = await import('#registry/load-config.js');
        const loaded = loadRegistryConfig({ path });
        const { serve } = await import('#registry/serve.js');
        await serve(loaded, early);
      } catch (error) {
        early?.dismiss();
        throw error;
      }
    });

  holdfast.addCommand(configCommand());
  holdfast.addCommand(htpasswdCommand());
  holdfast
    .command('version')
    .summary('say which version this is')
    .action(() => {
      process.stdout.write(`holdfast ${version()} (Node ${process.versions.node})\n`);
    });
  return holdfast;
}

function configCommand(): Command {
  const config = new Command('config')
    .description('Looks at the configuration.')
    .helpCommand(false);

  config
    .command('check')
    .summary('say what is wrong with a configuration')
    .description('Checks the file and the REGISTRY_… variables; says all that is wrong with them.')
    .argument('[config]', 'YAML file')
    .action(async (path?: string) => {
      const { loadRegistryConfig } = await import('#registry/load-config.js');
      const loaded = loadRegistryConfig({ path });
      for (const warning of loaded.warnings) process.stdout.write(`warning: ${warning}\n`);
      process.stdout.write(`${loaded.path ?? 'the defaults and the environment'}: good\n`);
    });

  config
    .command('print')
    .summary('show the configuration that applies')
    .description('Shows each value with where it came from; secrets are masked.')
    .argument('[config]', 'YAML file')
    .action(async (path?: string) => {
      const { loadRegistryConfig } = await import('#registry/load-config.js');
      const { printConfig } = await import('#config/print-config.js');
      process.stdout.write(printConfig(loadRegistryConfig({ path })));
    });

  config
    .command('schema')
    .summary('give the JSON Schema of the file')
    .action(async () => {
      const { jsonSchemaText } = await import('#registry/config-documentation.js');
      process.stdout.write(jsonSchemaText());
    });

  config.command('docs', { hidden: true }).action(async () => {
    const { configurationPage } = await import('#registry/config-documentation.js');
    process.stdout.write(configurationPage());
  });

  return config;
}
