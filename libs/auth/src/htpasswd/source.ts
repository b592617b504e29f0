import { hash } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';

/**
 * Where a request came from: the address of the peer, then that of whom the peer spoke for, if it is a trusted proxy, and so on; the client's own
 * address is the last. Any of them may have made up those after it, and none those before it.
 */
export type Source = readonly string[];

/** Apart from a proxy's own requests, all those it speaks for. */
const spokenFor = 'for';

/**
 * The groups it belongs to, from large to small: behind each hop, the smallest network that is routed (the most that a
 * customer commonly gets: a /24, or a /48 of IPv6), the subnet of IPv6, the address.
 */
export function groupsOf(source: Source): readonly string[] {
  return source.flatMap((address, hop) => {
    const groups = networksOf(address);
    return hop === 0 ? groups : [spokenFor, ...groups];
  });
}

/** A short name for it. A host of IPv6 has a whole subnet to choose addresses from, so all of that is one. */
export function nameOf(source: Source): string {
  const hosts = source.map((address) => (isIPv6(address) ? prefixOf(address, 4) : address));
  return hash('sha256', hosts.join(), 'base64url');
}

function networksOf(address: string): readonly string[] {
  if (isIPv4(address)) return [address.slice(0, address.lastIndexOf('.')), address];
  if (isIPv6(address)) return [prefixOf(address, 3), prefixOf(address, 4), address];
  return [address];
}

/** The first groups of 16 bits, however the address is spelled. */
function prefixOf(address: string, groups: number): string {
  const [plain = ''] = address.split('%', 1);
  const [left = [], right] = plain
    .replace(/[\d.]+\.\d+$/, '0:0')
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':')));
  const zeros = right === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array<string>(zeros).fill('0'), ...(right ?? [])]
    .slice(0, groups)
    .map((digits) => Number.parseInt(digits, 16).toString(16))
    .join(':');
}
