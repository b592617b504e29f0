import { parseArgs } from 'node:util';

import { Minio } from '../../support/servers/minio.js';
import { Redis } from '../../support/servers/redis.js';
import { TempDir } from '../../support/temp-dir.js';
import { writeBetween } from '../report.js';
import { projectRoot } from '../servers/launch.js';
import { Counted, line, tables } from './counted.js';
import { type Operation, operations } from './operations.js';
import { Stage } from './stage.js';
import { type Subject, subjects } from './subjects.js';

const usage = `npm run bench -- --calls [options]
  --rows a,b       only operations whose id contains one of these (see --list)
  --servers a,b    of ${subjects.join(', ')} (default all)
  --write          write the tables into docs/benchmarks.md
  --list           print the operations and stop`;

/** Counts what each operation asks of a bucket. The figures are exact: one round is enough. */
export async function countCalls(arguments_: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...arguments_],
    options: {
      rows: { type: 'string', default: '' },
      servers: { type: 'string', default: subjects.join(',') },
      write: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const rows = values.rows.split(',').filter((part) => part !== '');
  const wanted = operations.filter(
    ({ id }) => rows.length === 0 || rows.some((part) => id.includes(part)),
  );
  if (values.list) {
    for (const { id, title } of wanted) console.log(`${id.padEnd(20)} ${title}`);
    return;
  }
  const among = values.servers.split(',').map(subjectNamed);
  const counted = await countAll(wanted, among);
  const text = tables(wanted, among, counted);
  console.log(`\n${text}\n`);
  for (const failure of counted.failures) console.error(failure);
  if (counted.failures.length > 0) process.exitCode = 1;
  if (values.write) {
    const note = `Counted ${new Date().toISOString().slice(0, 10)} by \`npm run bench -- --calls\`.`;
    const failures = counted.failures.map((failure) => `- ${failure}`);
    writeBetween(`${projectRoot}/docs/benchmarks.md`, 'calls', [note, '', text, ...failures]);
  }
}

async function countAll(wanted: readonly Operation[], among: readonly Subject[]): Promise<Counted> {
  const counted = new Counted();
  const folder = await TempDir.create('calls');
  try {
    const minio = await Minio.start(folder.path);
    try {
      for (const subject of among) {
        await countOne(subject, wanted, { minio, folder: folder.path, counted }).catch((error) =>
          counted.fail(undefined, subject, error),
        );
      }
    } finally {
      await minio.stop();
    }
  } finally {
    await folder.remove();
  }
  return counted;
}

async function countOne(
  subject: Subject,
  wanted: readonly Operation[],
  { minio, folder, counted }: { minio: Minio; folder: string; counted: Counted },
): Promise<void> {
  const redis = subject === 'holdfast-redis' ? await Redis.start(folder) : undefined;
  try {
    const stage = await Stage.open(subject, { minio, redis, folder });
    try {
      for (const operation of wanted) {
        try {
          const tally = await operation.count(stage);
          counted.add(operation, subject, tally);
          console.log(line(operation, subject, tally));
        } catch (error) {
          counted.fail(operation, subject, error);
        }
      }
    } finally {
      await stage.close();
    }
  } finally {
    await redis?.stop();
  }
}

function subjectNamed(text: string): Subject {
  const name = subjects.find((known) => known === text);
  if (name === undefined) throw new Error(`--servers: ${text} is none of ${subjects.join(', ')}`);
  return name;
}
