/**
 * The name of an upload's file: `<session>.<size>.<state>.<writer>`.
 *
 * `done`: nobody writes to it, and it has `size` bytes. `open`: `writer` appends to it, or did when it died; its first
 * `size` bytes were finished before and stay as they are.
 */
export interface LineName {
  readonly session: string;
  readonly size: number;
  readonly state: 'open' | 'done';
  readonly writer: string;
}

export function lineName({ session, size, state, writer }: LineName): string {
  return `${session}.${size}.${state}.${writer}`;
}

export function parseLineName(name: string): LineName | undefined {
  const [session, size, state, writer, ...more] = name.split('.');
  if (session === undefined || size === undefined || writer === undefined) return undefined;
  if ((state !== 'open' && state !== 'done') || !/^\d{1,15}$/.test(size) || more.length > 0) {
    return undefined;
  }
  return { session, size: Number(size), state, writer };
}
