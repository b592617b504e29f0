import 'reflect-metadata';
import type { RequestListener, Server } from 'node:http';

import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { AccessController } from '#auth/access-controller.js';

import { AccessGuard } from './api/access.guard.js';
import { MethodNotAllowed } from './api/errors.js';
import { answerError, RegistryErrorFilter } from './api/registry-error.filter.js';
import { unknownRoute } from './api/unknown-route.js';
import { AppModule, type AppParts } from './app.module.js';
import { foldRepositoryName, withoutLastSlash } from './http/fold-repository-name.js';
import { PublicUrl } from './http/public-url.js';
import { routerOptions } from './http/router-options.js';

export interface AppOptions extends AppParts {
  /** Makes the server that Fastify answers on; Node's own for HTTP/1.1 where undefined. */
  readonly createServer?: ((handler: RequestListener) => Server) | undefined;
}

/** The whole registry, ready to listen. */
export async function createApp(options: AppOptions): Promise<NestFastifyApplication> {
  const { config, log, createServer } = options;
  const added = Object.entries(config.http.headers);
  const setHeaders = (request: FastifyRequest, reply: FastifyReply): void => {
    if (request.raw.url?.startsWith('/v2') === true) {
      reply.header('docker-distribution-api-version', 'registry/2.0');
    }
    for (const [name, values] of added) reply.header(name, values);
  };
  const adapter = new FastifyAdapter({
    ...routerOptions(config.http.prefix),
    // No route has a schema: a hundred files less to load, a seventh of the start.
    schemaController: {
      compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas },
    },
    forceCloseConnections: false,
    requestTimeout: 0,
    // What the router cannot read: no hook and no filter sees it.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      setHeaders(request, reply);
      answerError(error, request, reply, log);
    },
    ...(createServer && { serverFactory: createServer }),
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.register(options),
    adapter,
    {
      bodyParser: false,
      logger: false,
      abortOnError: false,
    },
  );
  const fastify = adapter.getInstance();
  // Bodies are read where they are needed, as streams, and what their Content-Type says is asked there.
  for (const method of fastify.supportedMethods) {
    fastify.addHttpMethod(method, { hasBody: false, overrideExisting: true });
  }
  const urls = app.get(PublicUrl);
  fastify.addHook('onRequest', (request, reply, done) => {
    setHeaders(request, reply);
    const moved = request.is404 ? movedTo(request, config.http.prefix) : undefined;
    if (moved === undefined) done();
    else reply.redirect(urls.location(request.raw, moved), 301);
  });
  app.useGlobalFilters(new RegistryErrorFilter(log));
  if (config.auth.scheme !== 'none') {
    app.useGlobalGuards(new AccessGuard(app.get(AccessController), urls, log));
  }
  await app.init();
  return app;
}

function noSchemas(): never {
  throw new Error('routes have no schemas here');
}

/**
 * Distribution tells of the path without it where one has a slash at its end, so that rules of a proxy for a path hold for
 * all that leads there. A push, which clients would turn into a pull on the way, is refused.
 */
function movedTo({ method, originalUrl }: FastifyRequest, prefix?: string): string | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  const path = withoutLastSlash(originalUrl, prefix);
  if (path === undefined) return undefined;
  const folded = foldRepositoryName(path).split('?', 1)[0] ?? path;
  return unknownRoute(folded) instanceof MethodNotAllowed ? path : undefined;
}
