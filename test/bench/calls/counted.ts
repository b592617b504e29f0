import type { Operation } from './operations.js';
import type { Tally } from './stage.js';
import { isHoldfastSubject, subjects, type Subject, subjectTitles } from './subjects.js';

/** What was counted, by operation and by subject. */
export class Counted {
  readonly #tallies = new Map<string, Tally>();
  readonly failures: string[] = [];

  add(operation: Operation, subject: Subject, tally: Tally): void {
    this.#tallies.set(`${operation.id} ${subject}`, tally);
  }

  fail(operation: Operation | undefined, subject: Subject, error: unknown): void {
    const what = error instanceof Error ? error.message : String(error);
    this.failures.push(`${subject}${operation ? `, ${operation.id}` : ''}: ${what}`);
  }

  get(operation: Operation, subject: Subject): Tally | undefined {
    return this.#tallies.get(`${operation.id} ${subject}`);
  }
}

/** One operation as the terminal shows it while the counting goes on. */
export function line(operation: Operation, subject: Subject, tally: Tally): string {
  const calls = Object.entries(tally.calls).map(([name, { requests }]) => `${requests} ${name}`);
  const { commands, roundTrips } = tally.redis;
  const redis = commands === 0 ? '' : `; Redis ${commands} commands in ${roundTrips} round trips`;
  const total = String(tally.total.requests).padStart(4);
  return `${operation.id.padEnd(19)} ${subject.padEnd(20)} ${total}  ${calls.join(', ')}${redis}`;
}

/** The tables of the report. */
export function tables(
  operations: readonly Operation[],
  among: readonly Subject[],
  counted: Counted,
): string {
  const shown = subjects.filter((subject) => among.includes(subject));
  const ours = shown.filter(isHoldfastSubject);
  const parts = [totals(operations, shown, counted)];
  if (ours.length > 0) parts.push(byName(operations, ours[0] as Subject, counted));
  const large = operations.filter(({ pushes }) => pushes !== undefined);
  if (large.length > 0) parts.push(bytes(large, shown, counted));
  if (ours.includes('holdfast-redis')) parts.push(roundTrips(operations, counted));
  return parts.join('\n\n');
}

function totals(
  operations: readonly Operation[],
  shown: readonly Subject[],
  counted: Counted,
): string {
  const rows = operations.map((operation) => {
    const most = Math.max(
      ...shown
        .filter(isHoldfastSubject)
        .map((subject) => counted.get(operation, subject)?.total.requests ?? -1),
    );
    const reached = operation.aim === undefined || most < 0 ? '–' : most <= operation.aim;
    return [
      `${operation.title} (\`${operation.id}\`)`,
      ...shown.map((subject) => counted.get(operation, subject)?.total.requests ?? '–'),
      operation.aim === undefined ? '–' : `≤ ${operation.aim}`,
      reached === true ? 'yes' : reached === false ? '**no**' : reached,
    ];
  });
  const head = ['calls to the bucket', ...shown.map((subject) => subjectTitles[subject])];
  return table([...head, 'aim', 'reached'], rows);
}

function byName(operations: readonly Operation[], subject: Subject, counted: Counted): string {
  const rows = operations.flatMap((operation) => {
    const tally = counted.get(operation, subject);
    if (tally === undefined) return [];
    const calls = Object.entries(tally.calls).map(([name, { requests }]) => `${requests} ${name}`);
    return [[operation.title, calls.join(', ') || 'none']];
  });
  return table(['operation', `of which, ${subjectTitles[subject]}`], rows);
}

function bytes(operations: readonly Operation[], shown: readonly Subject[], counted: Counted) {
  const rows = operations.map((operation) => [
    operation.title,
    ...shown.map((subject) => {
      const tally = counted.get(operation, subject);
      if (tally === undefined) return '–';
      const written = tally.total.sent / (operation.pushes ?? 1);
      const read = (tally.calls['GetObject']?.received ?? 0) / (operation.pushes ?? 1);
      return `${written.toFixed(3)}× written, ${read === 0 ? 'none' : `${read.toFixed(3)}×`} read back`;
    }),
  ]);
  return table(['bytes of bodies', ...shown.map((subject) => subjectTitles[subject])], rows);
}

function roundTrips(operations: readonly Operation[], counted: Counted): string {
  const rows = operations.flatMap((operation) => {
    const tally = counted.get(operation, 'holdfast-redis');
    if (tally === undefined) return [];
    const { commands, roundTrips: trips } = tally.redis;
    return [
      [operation.title, tally.requests, trips, commands, (trips / tally.requests).toFixed(2)],
    ];
  });
  return table(['Redis', 'requests', 'round trips', 'commands', 'round trips per request'], rows);
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}
