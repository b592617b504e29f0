import { PathNotFound, type StorageDriver, StorageUnavailable } from '../storage-driver.js';

/** What is asked of one file, and what was answered; before that `removed` and the value that is read say nothing. */
export type RegisterCall =
  | { readonly kind: 'put'; readonly value: string }
  | { readonly kind: 'remove' }
  | { readonly kind: 'removeIf'; readonly value: string; readonly removed: boolean }
  | { readonly kind: 'get'; readonly value: string | undefined };

interface Recorded {
  readonly call: RegisterCall;
  readonly began: number;
  /** Infinity for one that failed: it may take effect at any time, or never. */
  readonly ended: number;
  /** A put whose answer was lost, and which is repeated. */
  readonly again?: boolean;
}

/** Calls of several clients on one file, as they overlapped. */
export class RegisterHistory {
  readonly #calls: Recorded[] = [];
  #clock = 0;

  /** @param repeats as in `DriverTraits` */
  constructor(private readonly repeats = false) {}

  /** Calls the driver, and keeps what it answered. */
  async carryOut(driver: StorageDriver, path: string, asked: RegisterCall): Promise<void> {
    const began = ++this.#clock;
    try {
      const call = await answerTo(driver, path, asked);
      this.#calls.push({ call, began, ended: ++this.#clock });
    } catch (error) {
      if (!(error instanceof StorageUnavailable)) throw error;
      if (asked.kind !== 'get') this.#calls.push({ call: asked, began, ended: Infinity });
    }
  }

  /**
   * Whether there is an order of the calls, none before one that had ended when it began, in which each answer is right.
   * Tries them all, so histories must be short.
   */
  isLinearizable(initial: string | undefined): boolean {
    const tried = new Set<string>();
    const search = (left: readonly Recorded[], value: string | undefined): boolean => {
      if (left.every(({ ended }) => ended === Infinity)) return true;
      const key = `${value}|${left.map(({ began, again = '' }) => `${began}${again}`).join()}`;
      if (tried.has(key)) return false;
      tried.add(key);
      const firstEnd = Math.min(...left.map(({ ended }) => ended));
      return left.some((next) => {
        if (next.began > firstEnd) return false;
        // A repetition writes only where nothing is, and cannot know whether something was there meanwhile.
        if (next.again === true && value !== undefined) return false;
        const outcome = this.#apply(next.call, value);
        if (outcome === 'wrong') return false;
        const others = left.filter((one) => one !== next);
        if (search(others, outcome.value)) return true;
        const mayRepeat = this.repeats && next.call.kind === 'put' && next.again !== true;
        return mayRepeat && search([...others, { ...next, again: true }], outcome.value);
      });
    };
    return search(this.#calls, initial);
  }

  toString(): string {
    return this.#calls
      .map(({ call, began, ended }) => `${began}-${ended} ${JSON.stringify(call)}`)
      .join('\n');
  }

  #apply(
    call: RegisterCall,
    value: string | undefined,
  ): { readonly value: string | undefined } | 'wrong' {
    switch (call.kind) {
      case 'put':
        return { value: call.value };
      case 'remove':
        return { value: undefined };
      case 'removeIf':
        if (value === call.value) return call.removed ? { value: undefined } : 'wrong';
        return call.removed && !this.repeats ? 'wrong' : { value };
      case 'get':
        return call.value === value ? { value } : 'wrong';
    }
  }
}

async function answerTo(
  driver: StorageDriver,
  path: string,
  asked: RegisterCall,
): Promise<RegisterCall> {
  switch (asked.kind) {
    case 'put':
      await driver.put([], [{ path, content: Buffer.from(asked.value) }]);
      return asked;
    case 'remove':
      await driver.remove(path);
      return asked;
    case 'removeIf':
      return { ...asked, removed: await driver.removeIf(path, Buffer.from(asked.value)) };
    case 'get': {
      const found = await driver.get(path, { limit: 1024 }).catch((error: unknown) => {
        if (error instanceof PathNotFound) return undefined;
        throw error;
      });
      return { kind: 'get', value: found?.toString() };
    }
  }
}
