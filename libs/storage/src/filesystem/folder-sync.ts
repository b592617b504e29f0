import { closeSync, fsync, open, openSync } from 'node:fs';
import { promisify } from 'node:util';

const openFolder = promisify(open);
const syncFd = promisify(fsync);

/**
 * Makes folders durable. Callers that ask for the same folder while one fsync of it runs share the next one, which starts
 * after all of them have made their changes.
 */
export class FolderSync {
  readonly #running = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Promise<void>>();

  /** @param local whether opening a folder in place costs less than handing it to a thread */
  constructor(private readonly local: boolean) {}

  sync(folder: string): Promise<void> {
    const running = this.#running.get(folder);
    if (running === undefined) return this.#start(folder);
    let next = this.#next.get(folder);
    if (next === undefined) {
      const again = () => {
        this.#next.delete(folder);
        return this.#start(folder);
      };
      next = running.then(again, again);
      this.#next.set(folder, next);
    }
    return next;
  }

  #start(folder: string): Promise<void> {
    const done = this.#syncNow(folder).finally(() => this.#running.delete(folder));
    this.#running.set(folder, done);
    return done;
  }

  async #syncNow(folder: string): Promise<void> {
    const fd = this.local ? openSync(folder, 'r') : await openFolder(folder, 'r');
    try {
      await syncFd(fd);
    } finally {
      closeSync(fd);
    }
  }
}
