/**
 * Who waits, in groups within groups: a place is the name of a group, of one within that, and so on. At each level groups take turns,
 * however many wait in them, so that nobody gets more turns by being many in one group.
 */
export class Turns<T extends object> {
  readonly #all = new Group<T>();

  get size(): number {
    return this.#all.size;
  }

  add(place: readonly string[], one: T): void {
    this.#all.add(withEnd(place), one);
  }

  /** Whose turn it is; first come, first served at one place. */
  take(): T | undefined {
    return this.#all.take();
  }

  /**
   * Takes out the latest of the largest group within the largest group and so on, when one more at that place is counted in.
   *
   * @returns who has to go; nobody if the one more itself is the latest there
   */
  makeRoomAt(place: readonly string[]): T | undefined {
    return this.#all.removeFor(withEnd(place));
  }
}

/** Who waits in a group, and not in one within it, is a group too. */
const here = '';

function withEnd(place: readonly string[]): readonly string[] {
  return [...place, here];
}

/** Either groups, of which none is empty, or at the end of a place who waits there. */
class Group<T extends object> {
  /** The first is the next. */
  readonly #groups = new Map<string, Group<T>>();
  readonly #waiting: T[] = [];
  size = 0;

  add([name, ...within]: readonly string[], one: T): void {
    this.size++;
    if (name === undefined) {
      this.#waiting.push(one);
      return;
    }
    const group = this.#groups.get(name) ?? new Group<T>();
    this.#groups.set(name, group);
    group.add(within, one);
  }

  take(): T | undefined {
    const [next] = this.#groups;
    if (next === undefined) return this.#counted(this.#waiting.shift());
    const [name, group] = next;
    this.#groups.delete(name);
    const one = group.take();
    if (group.size > 0) this.#groups.set(name, group);
    return this.#counted(one);
  }

  /** @param newcomer the place of one more here, if it is here */
  removeFor(newcomer: readonly string[] | undefined): T | undefined {
    if (newcomer?.length === 0) return undefined;
    const name = this.#largest(newcomer?.[0]);
    if (name === undefined) return this.#counted(this.#waiting.pop());
    const group = this.#groups.get(name);
    const one = group?.removeFor(name === newcomer?.[0] ? newcomer.slice(1) : undefined);
    if (group?.size === 0) this.#groups.delete(name);
    return this.#counted(one);
  }

  /** Of equal ones the newcomer's, else the last. */
  #largest(newcomers: string | undefined): string | undefined {
    let largest = newcomers;
    let most = newcomers === undefined ? 0 : (this.#groups.get(newcomers)?.size ?? 0) + 1;
    for (const [name, { size }] of this.#groups) {
      if (size > most || (size === most && largest !== newcomers)) [largest, most] = [name, size];
    }
    return largest;
  }

  #counted(gone: T | undefined): T | undefined {
    if (gone !== undefined) this.size--;
    return gone;
  }
}
