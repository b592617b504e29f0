import { ConditionFailed, ObjectNotFound, StorageRefused } from '../bucket/object-store.js';
import type { Attempt, Retries } from '../bucket/retries.js';
import { StorageUnavailable } from '../storage-driver.js';
import type { AzureAccount } from './azure-account.js';
import { codeOf, meaningOf, noToken } from './azure-errors.js';

/** Asks the service, again if need be, and says in our words what it answered. */
export class AzureCalls {
  constructor(
    readonly account: AzureAccount,
    private readonly retries: Retries,
  ) {}

  async run<T>(
    operation: string,
    key: string,
    action: (attempt: Attempt) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.retries.run(`azure ${operation}`, action);
    } catch (error) {
      if (isOurs(error)) throw error;
      throw meaningOf(error, key, this.where);
    }
  }

  /** Says which keys have to do with the address, when nobody answers there. */
  async reach(keys: string, action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof StorageUnavailable) || error instanceof StorageRefused) throw error;
      const advice = error.reason.includes(noToken) ? '' : `; if that lasts, check ${keys}`;
      throw new StorageUnavailable(`${this.where}: ${error.reason}${advice}`, { cause: error });
    }
  }

  get where(): string {
    const { container } = this.account;
    return `container ${container.containerName} of ${new URL(container.url).host}`;
  }
}

/** Whether the blob there is of another kind than ours, as Distribution writes them; it cannot be written over. */
export function isOtherKind(error: unknown): boolean {
  return codeOf(error) === 'InvalidBlobType';
}

function isOurs(error: unknown): boolean {
  return (
    error instanceof StorageUnavailable ||
    error instanceof ObjectNotFound ||
    error instanceof ConditionFailed
  );
}
