import {
  badRequest,
  doubtfulFraming,
  doubtfulHost,
  missingHost,
  type Refusal,
  unknownCoding,
} from './broken-requests.js';
import { isHostField } from './host-name.js';
import type { Incoming } from './requests-under-way.js';

/** Looks at what Node's parser lets pass and RFC 9112 and 9113 do not: what two servers in a row could read in two ways. */
export class RequestHead {
  /** The last host that was found well-formed: most requests name the same. */
  #wellFormedHost: string | undefined;

  /** Why a request is refused, if it is. */
  refusalOf(request: Incoming): Refusal | undefined {
    switch (request.httpVersionMajor) {
      case 1:
        return this.#refusalOfHttp1(request);
      case 2:
        return this.#refusalOfHttp2(request);
      default:
        return badRequest;
    }
  }

  #refusalOfHttp1({ headers, httpVersionMinor, rawHeaders }: Incoming): Refusal | undefined {
    const coding = headers['transfer-encoding'];
    if (coding !== undefined && (coding !== 'chunked' || httpVersionMinor === 0)) {
      // RFC 9112 §6.1 and §6.3
      if (httpVersionMinor === 0 || !/(?:^|[ \t,])chunked$/i.test(coding)) return doubtfulFraming;
      if (coding.toLowerCase() !== 'chunked') return unknownCoding;
    }
    // RFC 9112 §3.2; HTTP/1.0 may do without.
    const { host } = headers;
    if (host === undefined) return httpVersionMinor === 0 ? undefined : missingHost;
    return this.#isWellFormed(host) && isOnce('host', rawHeaders) ? undefined : doubtfulHost;
  }

  #refusalOfHttp2({ headers }: Incoming): Refusal | undefined {
    // RFC 9113 §8.3.1; nghttp2 has seen to it that there is one of them, and of each no more than one.
    const { host, ':authority': authority = host } = headers;
    if (typeof authority !== 'string' || !this.#isWellFormed(authority)) return doubtfulHost;
    const isSame = host === undefined || host.toLowerCase() === authority.toLowerCase();
    return isSame ? undefined : doubtfulHost;
  }

  #isWellFormed(host: string): boolean {
    if (host === this.#wellFormedHost) return true;
    if (!isHostField(host)) return false;
    this.#wellFormedHost = host;
    return true;
  }
}

/** @param lines names and values in turn, as they came */
function isOnce(name: string, lines: readonly string[]): boolean {
  let count = 0;
  for (let index = 0; index < lines.length; index += 2) {
    const line = lines[index];
    if (line?.length === name.length && line.toLowerCase() === name) count++;
  }
  return count === 1;
}
