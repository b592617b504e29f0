/** Failures that are too many: five in a row, or about every fourth call for a while. */
const tooMany = 5;
const relief = 0.25;

/** Tells when a server that fails now and then is to be left alone. */
export class FailureScore {
  #score = 0;

  /** @returns whether that was one too many */
  failed(): boolean {
    this.#score += 1;
    return this.#score >= tooMany;
  }

  answered(): void {
    if (this.#score > 0) this.#score = Math.max(0, this.#score - relief);
  }

  reset(): void {
    this.#score = 0;
  }
}
