import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { Minio } from '../support/servers/minio.js';
import { countCalls } from './calls/count-calls.js';
import { Generator } from './generator.js';
import { describeMachine } from './machine.js';
import { parseOptions, usage, type Options } from './options.js';
import { progress, table, writeReport } from './report.js';
import { Results } from './results.js';
import { containerGroup } from './rows/container.js';
import { crowdGroup } from './rows/crowds.js';
import { listGroup } from './rows/lists.js';
import { imageGroup, uploadGroup } from './rows/pushes.js';
import { passwordGroup, readGroup } from './rows/reads.js';
import type { RowGroup } from './rows/row-group.js';
import type { Row } from './rows/row.js';
import { startGroup } from './rows/start.js';
import { projectRoot, version } from './servers/launch.js';
import type { ServerName } from './servers/server.js';
import { Workshop } from './workshop.js';

const groups = [
  readGroup,
  passwordGroup,
  imageGroup,
  uploadGroup,
  startGroup,
  listGroup,
  crowdGroup,
  containerGroup,
];

function wants(options: Options): (row: Row) => boolean {
  return (row) => options.rows.length === 0 || options.rows.some((part) => row.id.includes(part));
}

/** Another server first in each round, so that none always meets the machine in the same state. */
function rotated(servers: readonly ServerName[], round: number): readonly ServerName[] {
  const turn = round % servers.length;
  return [...servers.slice(turn), ...servers.slice(0, turn)];
}

async function measure(
  workshop: Workshop,
  group: RowGroup,
  name: ServerName,
  results: Results,
): Promise<void> {
  try {
    const samples = await group.measure(workshop, name, wants(workshop.options));
    for (const [row, sample] of samples) {
      results.add(row, name, sample);
      console.log(progress(row, name, results));
    }
  } catch (error) {
    results.fail(group.id, name, error);
    console.error(
      `${group.id}, ${name}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

async function run(options: Options, directory: string): Promise<void> {
  const generator = Generator.build(
    `${projectRoot}/test/bench/generator`,
    `${directory}/generator`,
  );
  const minio = options.storage === 's3' ? await Minio.start(directory) : undefined;
  try {
    await measureAll(new Workshop(generator, options, directory, minio));
  } finally {
    await minio?.stop();
  }
}

async function measureAll(workshop: Workshop): Promise<void> {
  const { options, directory, generator } = workshop;
  const wanted = wants(options);
  const inBucket = options.storage === 's3';
  const results = new Results();
  const servers = options.servers.filter((name) => version(name) !== undefined);
  for (const name of options.servers)
    if (!servers.includes(name)) console.log(`${name} is not installed: left out`);
  const machine = await describeMachine(generator, directory, servers);
  console.log([machine.description, machine.limits, ...machine.versions].join('\n'));
  for (let round = 0; round < options.rounds; round++) {
    for (const group of groups) {
      if (!group.rows.some(wanted) || (group.once === true && round > 0)) continue;
      if (inBucket && group.filesOnly === true) continue;
      for (const name of rotated(servers, round)) {
        if (group.measures(name)) await measure(workshop, group, name, results);
      }
    }
  }
  const rows = groups
    .filter((group) => !inBucket || group.filesOnly !== true)
    .flatMap((group) => group.rows)
    .filter(wanted)
    .map((row) => (inBucket ? { ...row, aim: row.bucketAim ?? {} } : row));
  const text = table(rows, servers, results);
  console.log(`\n${text}\n`);
  for (const failure of results.failures) console.error(failure);
  const whole =
    options.rows.length === 0 && servers.length === options.servers.length && !options.quick;
  const command = ['npm run bench', ...process.argv.slice(2)].join(' ');
  if (whole || options.write)
    writeReport(`${projectRoot}/docs/benchmarks.md`, inBucket ? 'measured-s3' : 'measured', {
      machine,
      command,
      body: text,
      failures: results.failures,
    });
}

async function main(options: Options): Promise<void> {
  if (options.help) return console.log(usage);
  if (options.list) {
    for (const row of groups.flatMap((group) => group.rows))
      console.log(`${row.id.padEnd(22)} ${row.title}`);
    return;
  }
  const directory = options.directory ?? mkdtempSync(`${tmpdir()}/holdfast-bench-`);
  try {
    await run(options, directory);
  } finally {
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

const [first, ...others] = process.argv.slice(2);
if (first === '--calls') await countCalls(others);
else await main(parseOptions(process.argv.slice(2)));
