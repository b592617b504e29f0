import type { SwiftConfig } from './swift-config.js';
import type { SwiftHttp } from './swift-http.js';
import { logIn, type SwiftLogin } from './swift-logins.js';

/** The token of one process: fetched once, renewed before it expires, and again when Swift takes it no more. */
export class SwiftSession {
  #login: SwiftLogin | undefined;
  #renewAt = Infinity;
  #pending: Promise<SwiftLogin> | undefined;

  constructor(
    private readonly http: SwiftHttp,
    private readonly config: SwiftConfig,
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws {StorageRefused} */
  async current(): Promise<SwiftLogin> {
    const login = this.#login;
    if (login === undefined) return this.#renew();
    if (this.now() >= this.#renewAt) {
      // Nobody waits for the new one, or suffers from its failure, while the old one is good.
      const renewed = this.#renew();
      if (this.now() >= (login.expiresAt ?? Infinity)) return renewed;
      renewed.catch(() => {
        this.#renewAt = this.now() + renewalPause;
      });
    }
    return login;
  }

  /** This login is good no more; the next call of `current` gets another one. */
  forget(login: SwiftLogin): void {
    if (this.#login === login) this.#login = undefined;
  }

  #renew(): Promise<SwiftLogin> {
    this.#pending ??= this.#logIn().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #logIn(): Promise<SwiftLogin> {
    const from = this.now();
    const login = await logIn(this.http, this.config);
    const life = (login.expiresAt ?? Infinity) - from;
    this.#renewAt = from + life - Math.min(longestMargin, life / 5);
    this.#login = login;
    return login;
  }
}

/** Milliseconds before the end at which a token is renewed. */
const longestMargin = 5 * 60_000;
/** Milliseconds between two attempts while the old token is good. */
const renewalPause = 10_000;
