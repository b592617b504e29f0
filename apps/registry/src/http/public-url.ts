import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

import { parseForwarded } from './forwarded-header.js';
import { isHostAndPort, withoutPort } from './host-name.js';
import { plainAddress, TrustedProxies } from './trusted-proxies.js';

/** The keys below `http` that decide where a client finds what we name to it. */
export interface PublicUrlSettings {
  readonly host?: string | undefined;
  readonly prefix?: string | undefined;
  readonly relativeurls: boolean;
  readonly trustedproxies: readonly string[];
  readonly trustforwarded: { readonly port: boolean; readonly prefix: boolean };
}

/** A request of HTTP/1.1 or HTTP/2. */
export interface IncomingRequest {
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

interface Warnings {
  warn(fields: object, message: string): void;
}

/** No chain of proxies is longer; a header that claims so is not worth the time. */
const mostHops = 32;

interface Origin {
  readonly scheme: string;
  readonly host: string | undefined;
}

/**
 * Where the client sees this registry. The URLs are Distribution's; what differs is who may influence them: forwarding
 * headers count only when the peer is one of `http.trustedproxies`, and only if they hold a scheme and a host.
 */
export class PublicUrl {
  readonly #proxies: TrustedProxies;
  readonly #configured: string | undefined;
  readonly #configuredSecure: boolean;
  readonly #prefix: string;
  readonly #settings: PublicUrlSettings;
  readonly #log: Warnings;
  #warned = false;
  /** The last host that was found well-formed: most requests name the same. */
  #wellFormedHost: string | undefined;

  constructor(settings: PublicUrlSettings, log: Warnings) {
    this.#settings = settings;
    this.#log = log;
    this.#proxies = new TrustedProxies(settings.trustedproxies);
    this.#prefix = pathPrefix(settings.prefix ?? '');
    this.#configured = configuredBase(settings.host, this.#prefix);
    this.#configuredSecure = this.#configured?.startsWith('https:') ?? false;
  }

  /**
   * The value of `Location` for a path that starts with `/v2/` (or of any other header that names one of our URLs).
   * Absolute, as Distribution builds it; only a path with `http.relativeurls`, or where the request names no usable host.
   */
  location(request: IncomingRequest, path: string): string {
    if (this.#configured !== undefined) return this.#configured + path;
    const prefix = this.#prefixFor(request);
    if (this.#settings.relativeurls) return prefix + path;
    const { scheme, host } = this.#origin(request);
    return host === undefined ? prefix + path : `${scheme}://${host}${prefix}${path}`;
  }

  /** Whether the client speaks TLS, to us or to a trusted proxy. */
  isSecure(request: IncomingRequest): boolean {
    return this.#configuredSecure || this.#origin(request).scheme === 'https';
  }

  /**
   * The address of the client: the right-most hop of `X-Forwarded-For` that is not one of `http.trustedproxies`, because
   * everything to the left of it was written by that hop. `@` for a peer on a unix socket.
   */
  clientAddress(request: IncomingRequest): string {
    return this.hops(request).at(-1) ?? '@';
  }

  /** The peer's address, then those that trusted proxies tell, each by the one before; the last is the client's. */
  hops(request: IncomingRequest): readonly string[] {
    const peer = request.socket.remoteAddress;
    const { headers } = request;
    const told = joined(headers['x-forwarded-for']);
    const realIp = joined(headers['x-real-ip']);
    const hops = [peer === undefined ? '@' : plainAddress(peer)];
    if ((told ?? realIp) === undefined || !this.#isTrusted(request)) return hops;
    if (told === undefined) {
      if (isIP(realIp ?? '') !== 0) hops.push(plainAddress(realIp ?? ''));
      return hops;
    }
    for (let end = told.length; end > 0 && hops.length <= mostHops;) {
      const comma = told.lastIndexOf(',', end - 1);
      const hop = told.slice(comma + 1, end).trim();
      if (isIP(hop) === 0) return hops;
      const address = plainAddress(hop);
      hops.push(address);
      if (!this.#proxies.includes(address)) return hops;
      end = comma;
    }
    return hops;
  }

  #origin(request: IncomingRequest): Origin {
    const { headers } = request;
    const encrypted = 'encrypted' in request.socket && request.socket.encrypted === true;
    const own: Origin = {
      scheme: encrypted ? 'https' : 'http',
      host: this.#checkedHost(headers.host ?? joined(headers[':authority'])),
    };
    const forwarded = joined(headers['forwarded']);
    const proto = joined(headers['x-forwarded-proto']);
    const host = joined(headers['x-forwarded-host']);
    const port = this.#settings.trustforwarded.port
      ? joined(headers['x-forwarded-port'])
      : undefined;
    if ((forwarded ?? proto ?? host ?? port) === undefined || !this.#isTrusted(request)) return own;
    if (forwarded !== undefined) {
      const element = parseForwarded(forwarded);
      return {
        scheme: checkedScheme(element?.get('proto')) ?? own.scheme,
        host: this.#checkedHost(element?.get('host')) ?? own.host,
      };
    }
    const origin: Origin = {
      scheme: checkedScheme(firstOf(proto)) ?? own.scheme,
      host: this.#checkedHost(firstOf(host)) ?? own.host,
    };
    return port === undefined ? origin : withPort(origin, firstOf(port));
  }

  #prefixFor(request: IncomingRequest): string {
    if (!this.#settings.trustforwarded.prefix) return this.#prefix;
    const stripped = firstOf(joined(request.headers['x-forwarded-prefix']));
    if (stripped === undefined || !this.#isTrusted(request) || !isPlainPath(stripped)) {
      return this.#prefix;
    }
    return pathPrefix(stripped) + this.#prefix;
  }

  #checkedHost(host: string | undefined): string | undefined {
    if (host === undefined || host === this.#wellFormedHost) return host;
    if (!isHostAndPort(host)) return undefined;
    this.#wellFormedHost = host;
    return host;
  }

  #isTrusted(request: IncomingRequest): boolean {
    if (this.#proxies.includes(request.socket.remoteAddress)) return true;
    if (!this.#warned) {
      this.#warned = true;
      this.#log.warn(
        { peer: request.socket.remoteAddress, key: 'http.trustedproxies' },
        'forwarding headers (Forwarded, X-Forwarded-…) came from an address outside http.trustedproxies and are ignored; if that is your load balancer, add it there',
      );
    }
    return false;
  }
}

function joined(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value : value.join(',');
}

function firstOf(list: string | undefined): string | undefined {
  if (list === undefined) return undefined;
  const comma = list.indexOf(',');
  return (comma < 0 ? list : list.slice(0, comma)).trim();
}

function checkedScheme(text: string | undefined): 'http' | 'https' | undefined {
  const scheme = text?.toLowerCase();
  return scheme === 'http' || scheme === 'https' ? scheme : undefined;
}

function withPort(origin: Origin, port: string | undefined): Origin {
  if (origin.host === undefined || port === undefined || !/^\d{1,5}$/.test(port)) return origin;
  const usual = port === (origin.scheme === 'https' ? '443' : '80');
  return { ...origin, host: withoutPort(origin.host) + (usual ? '' : `:${port}`) };
}

/** `/prefix` without a slash at the end, or nothing. */
function pathPrefix(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === '/') end--;
  const path = text.slice(0, end);
  return path === '' || path.startsWith('/') ? path : `/${path}`;
}

/** A path that a proxy may have taken away: no query, no second slash at the start that would make it a host. */
function isPlainPath(text: string): boolean {
  return /^\/[\w.~/-]{0,255}$/.test(text) && !text.includes('//') && !text.includes('..');
}

/** `http.host` with the path that it names itself, else with `http.prefix`. */
function configuredBase(host: string | undefined, prefix: string): string | undefined {
  const url = host === undefined ? null : URL.parse(host);
  if (url === null || url.host === '') return undefined;
  const path = pathPrefix(url.pathname);
  return `${url.protocol}//${url.host}${path === '' ? prefix : path}`;
}
