import { readFileSync, writeFileSync } from 'node:fs';

import type { Machine } from './machine.js';
import type { Figure, Results } from './results.js';
import type { Aim, Row } from './rows/row.js';
import type { ServerName } from './servers/server.js';

const titles: Record<ServerName, string> = {
  'holdfast-1': 'Holdfast, 1 worker',
  'holdfast-2': 'Holdfast, 2 workers',
  distribution: 'Distribution 3.1.1',
  'docker-registry': 'docker-registry 2.8',
  nginx: 'nginx (limit)',
};

/** Holdfast's own default is a worker per core; one worker stands in where two were not measured. */
function judged(servers: readonly ServerName[]): ServerName {
  return servers.includes('holdfast-2') ? 'holdfast-2' : 'holdfast-1';
}

export function table(
  rows: readonly Row[],
  servers: readonly ServerName[],
  results: Results,
): string {
  const head = ['row', ...servers.map((server) => titles[server]), 'aim', 'reached'];
  const lines = rows.map((row) => [
    `${row.title} (\`${row.id}\`)`,
    ...servers.map((server) => cell(row, server, results)),
    aimText(row.aim, row.unit),
    reachedText(results.reached(row, judged(servers))),
  ]);
  return [head, head.map(() => '---'), ...lines]
    .map((line) => `| ${line.join(' | ')} |`)
    .join('\n');
}

function cell(row: Row, server: ServerName, results: Results): string {
  const figure = results.figure(row, server);
  if (figure === undefined) return '–';
  const ratios = server === 'distribution' ? undefined : results.ratios(row, server);
  const parts = [`${rounded(figure.value)} ${row.unit}${times(ratios?.rate)}`];
  if (figure.cpu !== undefined)
    parts.push(`${rounded(figure.cpu)} ${row.cpuUnit ?? ''}${times(ratios?.cpu)}`);
  parts.push(...memory(row, figure));
  return parts.join('<br>');
}

function memory(row: Row, figure: Figure): string[] {
  if (figure.note !== undefined) return [figure.note];
  return figure.peak === undefined || row.unit === 'MB' ? [] : [`${rounded(figure.peak / 1e6)} MB`];
}

const times = (ratio: number | undefined): string =>
  ratio === undefined ? '' : ` (${rounded(ratio)}×)`;

function aimText(aim: Aim, unit: string): string {
  const parts = [];
  if (aim.rate !== undefined)
    parts.push(unit === 'ms' ? `≥ ${aim.rate}× as fast` : `≥ ${aim.rate}× rate`);
  if (aim.cpu !== undefined) parts.push(`≤ ${aim.cpu}× CPU`);
  if (aim.most !== undefined) parts.push(`≤ ${aim.most} ${unit}`);
  return parts.join('<br>') || '–';
}

function reachedText(reached: boolean | undefined): string {
  if (reached === undefined) return '–';
  return reached ? 'yes' : '**no**';
}

function rounded(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toPrecision(2).replace(/\.0$/, '');
}

/** One row for the terminal, as soon as it is measured. */
export function progress(row: Row, server: ServerName, results: Results): string {
  return `${row.id.padEnd(20)} ${server.padEnd(16)} ${cell(row, server, results).replaceAll('<br>', '  ')}`;
}

/** Puts the last run into the page. */
export function writeReport(
  path: string,
  section: string,
  run: {
    readonly machine: Machine;
    readonly command: string;
    readonly body: string;
    readonly failures: readonly string[];
  },
): void {
  const { machine, command, body, failures } = run;
  const wrong =
    failures.length === 0
      ? 'Every answer was the expected one.'
      : failures.map((failure) => `- ${failure}`).join('\n');
  writeBetween(path, section, [
    `Measured ${new Date().toISOString().slice(0, 10)} at \`${machine.commit}\` by \`${command}\``,
    `on ${machine.description}: ${machine.limits}.`,
    '',
    `${machine.versions.join('; ')}.`,
    '',
    body,
    '',
    wrong,
  ]);
}

/** Replaces what is between the two marks of this name; what people wrote around them stays. */
export function writeBetween(path: string, name: string, lines: readonly string[]): void {
  const page = readFileSync(path, 'utf8');
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no "${begin}" and "${end}"`);
  const text = [begin, ...lines, end].join('\n');
  writeFileSync(path, page.slice(0, from) + text + page.slice(to + end.length));
}
