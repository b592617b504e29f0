import type { AddressRequest } from '../storage-driver.js';
import type { AddressSource } from './address-source.js';

export interface Rewriting {
  readonly scheme?: string | undefined;
  /** With a port, if it has one. */
  readonly host?: string | undefined;
  readonly trimpathprefix?: string | undefined;
}

/**
 * The back end's addresses with another scheme, host, or without the beginning of the path (Distribution's middleware
 * `rewrite`). Where the signature covers the host, as with S3, whoever answers there has to restore it.
 */
export class RewriteSource implements AddressSource {
  constructor(
    private readonly source: AddressSource,
    private readonly rewriting: Rewriting,
  ) {}

  async addressOf(path: string, request: AddressRequest): Promise<string | undefined> {
    const address = await this.source.addressOf(path, request);
    if (address === undefined) return undefined;
    // The setters of URL refuse to make https of http with a port; the text has no such scruples.
    const [, scheme = '', host = '', rest = ''] = /^([^:]+):\/\/([^/]*)(.*)$/s.exec(address) ?? [];
    const { trimpathprefix = '' } = this.rewriting;
    const trimmed = rest.startsWith(trimpathprefix) ? rest.slice(trimpathprefix.length) : rest;
    const separator = trimmed === '' || /^[/?#]/.test(trimmed) ? '' : '/';
    return `${this.rewriting.scheme ?? scheme}://${this.rewriting.host ?? host}${separator}${trimmed}`;
  }
}
