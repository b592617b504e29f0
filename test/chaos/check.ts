import type { Event, History } from './history.js';
import { checkRegister } from './linearizability.js';

/** How many things were looked at, and what is wrong with them; anomalies go into the history too. */
export function checkHistory(history: History): { readonly registers: number } {
  const registers = new Map<string, Event[]>();
  for (const event of history.events) {
    const key = `${event.what} ${event.key}`;
    const known = registers.get(key);
    if (known === undefined) registers.set(key, [event]);
    else known.push(event);
  }
  for (const [key, events] of registers) {
    const verdict = checkRegister(events);
    if (verdict.holds === true) continue;
    if (verdict.holds === 'undecided') {
      history.anomaly({ kind: 'undecided', key, detail: `${events.length} events` });
      continue;
    }
    const { at, possible } = verdict;
    // What was acknowledged and is not there when all is whole again is lost; else somebody saw what he should not.
    const lost = at.action === 'read' && at.value === null && !possible.includes(null);
    history.anomaly({
      kind: lost ? 'lost' : 'not linearizable',
      key,
      detail: `${at.action} ${String(at.value)} where ${possible.map(String).join(' or ')} was possible; ${describe(events, at)}`,
    });
  }
  return { registers: registers.size };
}

/** What happened shortly before. */
function describe(events: readonly Event[], at: Event): string {
  return events
    .filter(({ began }) => began <= at.ended)
    .toSorted((a, b) => a.began - b.began)
    .slice(-12)
    .map(
      ({ action, value, began, ended, outcome }) =>
        `${began.toFixed(0)}-${ended.toFixed(0)} ${action} ${String(value).slice(0, 15)} ${outcome}`,
    )
    .join('; ');
}
