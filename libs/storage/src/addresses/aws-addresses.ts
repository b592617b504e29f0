import { BlockList, isIP } from 'node:net';

import { z } from 'zod';

import type { Log } from '#telemetry/log.js';

const rangesSchema = z.object({
  prefixes: z.array(z.object({ ip_prefix: z.string(), region: z.string() })),
  ipv6_prefixes: z.array(z.object({ ipv6_prefix: z.string(), region: z.string() })).default([]),
});

export interface AwsAddressesOptions {
  /** Where Amazon publishes its ranges. */
  readonly url: string;
  /** Milliseconds. */
  readonly updateFrequency: number;
  /** In lower case; every region where undefined. */
  readonly regions?: readonly string[] | undefined;
}

/** Milliseconds for one download. */
const timeout = 30_000;
/** The file had 2.5 MB in 2026. */
const largestFile = 64 * 1024 * 1024;

/** The addresses of Amazon's own networks, kept up to date. Until they are known nobody is in one. */
export class AwsAddresses {
  #networks = new BlockList();
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly options: AwsAddressesOptions,
    private readonly log: Log,
  ) {
    this.#timer = setInterval(() => void this.update(), options.updateFrequency);
    this.#timer.unref();
  }

  has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#networks.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }

  /** Keeps the ranges that it has when the new ones cannot be had; the log tells. */
  async update(): Promise<void> {
    try {
      this.#networks = networksOf(await this.#download(), this.options.regions);
    } catch (error) {
      this.log.warn(
        { url: this.options.url, error: String(error) },
        'cannot read the address ranges of AWS; clients there go through CloudFront',
      );
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #download(): Promise<unknown> {
    const response = await fetch(this.options.url, { signal: AbortSignal.timeout(timeout) });
    if (!response.ok) throw new Error(`answered ${response.status}`);
    let size = 0;
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > largestFile) throw new Error(`is larger than ${largestFile} bytes`);
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  }
}

function networksOf(file: unknown, regions: readonly string[] | undefined): BlockList {
  const { prefixes, ipv6_prefixes: prefixes6 } = rangesSchema.parse(file);
  const networks = new BlockList();
  const ranges = [
    ...prefixes.map(({ ip_prefix: range, region }) => ({ range, region, family: 'ipv4' as const })),
    ...prefixes6.map(({ ipv6_prefix: range, region }) => ({
      range,
      region,
      family: 'ipv6' as const,
    })),
  ];
  for (const { range, region, family } of ranges) {
    if (regions !== undefined && !regions.includes(region.toLowerCase())) continue;
    const [address = '', bits] = range.split('/');
    if (isIP(address) !== 0) networks.addSubnet(address, Number(bits), family);
  }
  return networks;
}
