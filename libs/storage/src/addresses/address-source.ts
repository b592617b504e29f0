import type { AddressRequest } from '../storage-driver.js';

/** Where clients find a file by themselves: the back end's own addresses, or what a middleware makes of them. */
export interface AddressSource {
  /** Undefined where there is none: then the registry sends the bytes. */
  addressOf(path: string, request: AddressRequest): Promise<string | undefined>;
  /** Ends what goes on in the background. */
  close?(): void;
}
