/** What was asked of one file, and what was answered. */
export type RegisterCall =
  | { readonly kind: 'put'; readonly value: string }
  | { readonly kind: 'remove' }
  | { readonly kind: 'removeIf'; readonly value: string; readonly removed: boolean }
  | { readonly kind: 'get'; readonly value: string | undefined };

interface Recorded {
  readonly call: RegisterCall;
  readonly began: number;
  readonly ended: number;
}

/** Calls of several clients on one file, as they overlapped. */
export class RegisterHistory {
  readonly #calls: Recorded[] = [];
  #clock = 0;

  async record(action: () => Promise<RegisterCall>): Promise<void> {
    const began = ++this.#clock;
    const call = await action();
    this.#calls.push({ call, began, ended: ++this.#clock });
  }

  /**
   * Whether there is an order of the calls, none before one that had ended when it began, in which each answer is right.
   * Tries them all, so histories must be short.
   */
  isLinearizable(initial: string | undefined): boolean {
    const tried = new Set<string>();
    const search = (left: readonly Recorded[], value: string | undefined): boolean => {
      if (left.length === 0) return true;
      const key = `${value}|${left.map(({ began }) => began).join()}`;
      if (tried.has(key)) return false;
      tried.add(key);
      const firstEnd = Math.min(...left.map(({ ended }) => ended));
      return left.some((next) => {
        if (next.began > firstEnd) return false;
        const outcome = apply(next.call, value);
        return (
          outcome !== 'wrong' &&
          search(
            left.filter((one) => one !== next),
            outcome.value,
          )
        );
      });
    };
    return search(this.#calls, initial);
  }

  toString(): string {
    return this.#calls
      .map(({ call, began, ended }) => `${began}-${ended} ${JSON.stringify(call)}`)
      .join('\n');
  }
}

function apply(
  call: RegisterCall,
  value: string | undefined,
): { readonly value: string | undefined } | 'wrong' {
  switch (call.kind) {
    case 'put':
      return { value: call.value };
    case 'remove':
      return { value: undefined };
    case 'removeIf':
      if (call.removed !== (value === call.value)) return 'wrong';
      return { value: call.removed ? undefined : value };
    case 'get':
      return call.value === value ? { value } : 'wrong';
  }
}
