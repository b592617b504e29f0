/** Lets so many in at once; the others wait in a row. */
export class Turnstile {
  #free: number;
  readonly #row: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /** Resolves to what is to be called on leaving, once. */
  async enter(): Promise<() => void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#row.push(resolve));
    return () => {
      const next = this.#row.shift();
      if (next === undefined) this.#free++;
      else next();
    };
  }
}
