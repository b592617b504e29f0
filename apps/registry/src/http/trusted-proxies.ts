import { BlockList, isIP } from 'node:net';

/** The addresses whose forwarding headers are believed (`http.trustedproxies`). */
export class TrustedProxies {
  readonly #addresses = new BlockList();

  /** @param ranges addresses and CIDR ranges, checked by the configuration. */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const [address = '', bits] = range.split('/');
      const version = isIP(address);
      if (version === 0) throw new RangeError(`http.trustedproxies: ${range} is no address range`);
      const length = bits === undefined ? (version === 4 ? 32 : 128) : Number(bits);
      this.#addresses.addSubnet(address, length, version === 4 ? 'ipv4' : 'ipv6');
    }
  }

  /** Whoever reaches a unix socket has no address and was let in by the file system. */
  includes(address: string | undefined): boolean {
    if (address === undefined) return true;
    const plain = plainAddress(address);
    const version = isIP(plain);
    return version !== 0 && this.#addresses.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  }
}

/** An IPv4 address that a dual-stack socket reports as IPv6 (`::ffff:10.0.0.1`) as IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
