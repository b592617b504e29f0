/** Lets so many in at once; the others wait in a row. */
export class Turnstile {
  #free: number;
  readonly #row = new Set<() => void>();

  constructor(places: number) {
    this.#free = places;
  }

  /** Resolves to what is to be called on leaving, once. */
  async enter(): Promise<() => void>;
  /** The same; to undefined for who waited for so many milliseconds, and left the row. */
  async enter(patience: number): Promise<(() => void) | undefined>;
  async enter(patience?: number): Promise<(() => void) | undefined> {
    if (this.#free > 0) this.#free--;
    else if (!(await this.#wait(patience))) return undefined;
    return () => {
      const [next] = this.#row;
      if (next === undefined) this.#free++;
      else next();
    };
  }

  async #wait(patience: number | undefined): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const take = () => {
      this.#row.delete(take);
      clearTimeout(timer);
      resolve(true);
    };
    this.#row.add(take);
    const giveUp = () => {
      this.#row.delete(take);
      resolve(false);
    };
    const timer = patience === undefined ? undefined : setTimeout(giveUp, Math.max(0, patience));
    return promise;
  }
}
