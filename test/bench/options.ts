import { parseArgs } from 'node:util';

import { serverNames, type ServerName } from './servers/server.js';

export interface Options {
  readonly rows: readonly string[];
  readonly rounds: number;
  readonly servers: readonly ServerName[];
  readonly seconds: number;
  readonly quick: boolean;
  readonly write: boolean;
  readonly directory: string | undefined;
  readonly storage: 'filesystem' | 's3';
  readonly list: boolean;
  readonly help: boolean;
}

export const usage = `npm run bench -- [options]
  --rows a,b       only rows whose id contains one of these (see --list)
  --rounds N       how often each server is measured, in turn (default 3)
  --servers a,b    of ${serverNames.join(', ')} (default all)
  --seconds N      how long a row of requests lasts (default 4)
  --directory DIR  where the servers keep their data (default: a new folder below the system's temporary one)
  --storage s3     keep the content in a MinIO beside the servers: rows of pushes and pulls only
  --quick          one round, short rows, small bodies: shows that everything runs, not how fast
  --write          write docs/benchmarks.md though rows or servers were left out
  --list           print the rows and stop
npm run bench -- --calls counts calls to a bucket instead (--calls --help)`;

export function parseOptions(arguments_: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...arguments_],
    options: {
      rows: { type: 'string', default: '' },
      rounds: { type: 'string' },
      servers: { type: 'string', default: serverNames.join(',') },
      seconds: { type: 'string' },
      directory: { type: 'string' },
      storage: { type: 'string', default: 'filesystem' },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  return {
    rows: words(values.rows),
    rounds: positive('--rounds', values.rounds ?? (values.quick ? '1' : '3')),
    servers: words(values.servers).map(serverName),
    seconds: positive('--seconds', values.seconds ?? (values.quick ? '0.5' : '4')),
    quick: values.quick,
    write: values.write,
    directory: values.directory,
    storage: storageName(values.storage),
    list: values.list,
    help: values.help,
  };
}

function words(text: string): string[] {
  return text.split(',').filter((word) => word !== '');
}

function storageName(text: string): Options['storage'] {
  if (text === 'filesystem' || text === 's3') return text;
  throw new Error(`--storage: ${text} is neither filesystem nor s3`);
}

function serverName(text: string): ServerName {
  const name = serverNames.find((known) => known === text);
  if (name === undefined)
    throw new Error(`--servers: ${text} is none of ${serverNames.join(', ')}`);
  return name;
}

function positive(flag: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${flag}: ${text} is not a number above 0`);
  return number;
}
