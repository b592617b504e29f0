import type { Event } from './history.js';

/** One way in which what happened so far may have taken place. */
interface Configuration {
  readonly value: string | null;
  /** Events that have taken effect and not ended. */
  readonly done: ReadonlySet<Event>;
}

/** More ways than this at once are not looked at. */
const mostConfigurations = 50_000;

export type Verdict =
  | { readonly holds: true }
  | { readonly holds: false; readonly at: Event; readonly possible: readonly (string | null)[] }
  | { readonly holds: 'undecided' };

/**
 * Whether the events on one thing can be put in an order, none before another that had ended when it began, in which each
 * read sees what was written last. Goes through begins and ends in time and keeps all configurations that are possible (after
 * G. Lowe, "Testing for linearizability", 2017). An event of unknown outcome never ends: it may take effect once, or not.
 */
export function checkRegister(events: readonly Event[], initial: string | null = null): Verdict {
  const read = new Set(events.flatMap((event) => (isRead(event) ? [event.value] : [])));
  const relevant = events.filter((event) => mayMatter(event, read));
  const steps = relevant
    .flatMap((event) => [
      { at: event.began, event, ends: false },
      ...(event.outcome === 'ok' ? [{ at: event.ended, event, ends: true }] : []),
    ])
    .sort((a, b) => a.at - b.at || Number(a.ends) - Number(b.ends));
  const pending = new Set<Event>();
  let configurations: Configuration[] = [{ value: initial, done: new Set() }];
  for (const { event, ends } of steps) {
    if (!ends) {
      pending.add(event);
      continue;
    }
    const before = configurations;
    const reached = withEffect(configurations, pending, event);
    if (reached === undefined) return { holds: 'undecided' };
    configurations = reached;
    if (configurations.length === 0) {
      return { holds: false, at: event, possible: [...new Set(before.map(({ value }) => value))] };
    }
    pending.delete(event);
  }
  return { holds: true };
}

/** All configurations in which `event` has taken effect, after any of the pending ones that it takes. */
function withEffect(
  from: readonly Configuration[],
  pending: ReadonlySet<Event>,
  event: Event,
): Configuration[] | undefined {
  const numbers = new Map([...pending].map((one, index) => [one, index]));
  const keyOf = ({ value, done }: Configuration) =>
    `${value}|${[...done]
      .map((one) => numbers.get(one) ?? 0)
      .sort((a, b) => a - b)
      .join()}`;
  const seen = new Set<string>();
  const reached = new Map<string, Configuration>();
  const stack = [...from];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const key = keyOf(next);
    if (seen.has(key)) continue;
    if (seen.size > mostConfigurations) return undefined;
    seen.add(key);
    if (next.done.has(event)) {
      const done = new Set(next.done);
      done.delete(event);
      const config = { value: next.value, done };
      reached.set(keyOf(config), config);
      continue;
    }
    for (const one of pending) {
      if (next.done.has(one)) continue;
      const outcome = apply(one, next.value);
      if (outcome === 'wrong') continue;
      stack.push({ value: outcome.value, done: new Set(next.done).add(one) });
    }
  }
  return [...reached.values()];
}

function apply(event: Event, value: string | null): { readonly value: string | null } | 'wrong' {
  switch (event.action) {
    case 'write':
      return { value: event.value };
    case 'remove':
      return { value: null };
    case 'remove-value':
      return { value: value === event.value ? null : value };
    case 'read':
      return event.value === value ? { value } : 'wrong';
  }
}

function isRead({ action, outcome }: Event): boolean {
  return action === 'read' && outcome === 'ok';
}

/** What failed did nothing; a read without an answer says nothing; a write that nobody ever saw need not have been. */
function mayMatter(event: Event, read: ReadonlySet<string | null>): boolean {
  if (event.outcome === 'fail') return false;
  if (event.outcome === 'ok') return true;
  return event.action !== 'read' && (event.action !== 'write' || read.has(event.value));
}
