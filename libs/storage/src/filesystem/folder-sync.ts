import { open } from 'node:fs/promises';

/**
 * Makes folders durable. Callers that ask for the same folder while one fsync of it runs share the next one, which starts
 * after all of them have made their changes.
 */
export class FolderSync {
  readonly #running = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Promise<void>>();

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
    const done = syncFolder(folder).finally(() => this.#running.delete(folder));
    this.#running.set(folder, done);
    return done;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
