/** Keys, and what the objects are called. */
export class S3Names {
  readonly #root: string;

  constructor(rootdirectory = '') {
    const root = rootdirectory.replace(/^\/+|\/+$/g, '');
    this.#root = root === '' ? '' : `${root}/`;
  }

  of(key: string): string {
    return `${this.#root}${key}`;
  }

  keyOf(name: string): string {
    return name.slice(this.#root.length);
  }
}
