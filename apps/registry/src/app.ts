import 'reflect-metadata';
import type { IncomingMessage, RequestListener, Server } from 'node:http';

import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { AccessController } from '#auth/access-controller.js';

import { AccessGuard } from './api/access.guard.js';
import { answerError, RegistryErrorFilter } from './api/registry-error.filter.js';
import { AppModule, type AppParts } from './app.module.js';
import { foldRepositoryName } from './http/fold-repository-name.js';
import { PublicUrl } from './http/public-url.js';

export interface AppOptions extends AppParts {
  /** Makes the server that Fastify answers on; Node's own for HTTP/1.1 where undefined. */
  readonly createServer?: ((handler: RequestListener) => Server) | undefined;
}

/** The head of a request is smaller; what is too long for a tag or a digest is refused as one that is none. */
const longestSegment = 1024 * 1024;

/** The whole registry, ready to listen. */
export async function createApp(options: AppOptions): Promise<NestFastifyApplication> {
  const { config, log, createServer } = options;
  const adapter = new FastifyAdapter({
    exposeHeadRoutes: false,
    routerOptions: {
      maxParamLength: longestSegment,
      ignoreTrailingSlash: true,
      caseSensitive: true,
    },
    rewriteUrl: (request: IncomingMessage) =>
      foldRepositoryName(request.url ?? '/', config.http.prefix),
    // No route has a schema: a hundred files less to load, a seventh of the start.
    schemaController: {
      compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas },
    },
    forceCloseConnections: false,
    requestTimeout: 0,
    // What the router cannot read: no hook and no filter sees it.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      setApiVersion(request, reply);
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
  // Bodies are read where they are needed, as streams.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, _payload, done) => done(null));
  const added = Object.entries(config.http.headers);
  fastify.addHook('onRequest', (request, reply, done) => {
    setApiVersion(request, reply);
    for (const [name, values] of added) reply.header(name, values);
    done();
  });
  app.useGlobalFilters(new RegistryErrorFilter(log));
  if (config.auth.scheme !== 'none') {
    app.useGlobalGuards(new AccessGuard(app.get(AccessController), app.get(PublicUrl), log));
  }
  await app.init();
  return app;
}

function noSchemas(): never {
  throw new Error('routes have no schemas here');
}

function setApiVersion(request: FastifyRequest, reply: FastifyReply): void {
  if (request.raw.url?.startsWith('/v2') === true) {
    reply.header('docker-distribution-api-version', 'registry/2.0');
  }
}
