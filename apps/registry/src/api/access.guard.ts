import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import type { AccessController } from '#auth/access-controller.js';
import type { Log } from '#telemetry/log.js';

import type { PublicUrl } from '../http/public-url.js';
import type { Query } from './params.js';
import { scopesOf } from './scopes.js';

/**
 * Lets requests in, and leaves the {@link Grant} with them. With the scheme `none` it need not be there at all: what has no
 * grant is anonymous.
 */
export class AccessGuard implements CanActivate {
  #warned = false;

  constructor(
    private readonly access: AccessController,
    private readonly urls: PublicUrl,
    private readonly log: Log,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<RoutedRequest>();
    const scopes = scopesOf({
      method: request.method,
      route: request.routeOptions.url,
      name: request.params.name,
      query: request.query,
    });
    if (scopes === undefined) return true;
    const { authorization } = request.headers;
    if (!this.#warned && authorization !== undefined) this.#warnIfReadable(request, authorization);
    request.grant = await this.access.authorize({
      authorization,
      ...scopes,
      source: () => this.urls.hops(request.raw),
    });
    return true;
  }

  /** Whether nobody on the way from the client could read it: TLS, up to us or to a trusted proxy, or the same machine. */
  #isConfidential({ raw }: FastifyRequest): boolean {
    return this.urls.isSecure(raw) || isThisMachine(this.urls.clientAddress(raw));
  }

  #warnIfReadable(request: FastifyRequest, authorization: string): void {
    if (!/^basic /i.test(authorization) || this.#isConfidential(request)) return;
    this.#warned = true;
    this.log.warn(
      { key: 'http.tls' },
      'a password came over plain HTTP from another machine, where others can read it; use TLS here or in front, and name that proxy in http.trustedproxies',
    );
  }
}

/** @param address `@` for a peer on a unix socket. */
function isThisMachine(address: string): boolean {
  return address === '@' || address === '::1' || address.startsWith('127.');
}

type RoutedRequest = FastifyRequest<{ Params: { name?: string }; Querystring: Query }>;
