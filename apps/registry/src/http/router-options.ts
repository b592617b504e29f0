import type { IncomingMessage } from 'node:http';

import type { FastifyServerOptions } from 'fastify';

import { foldRepositoryName } from './fold-repository-name.js';

/** The head of a request is smaller; what is too long for a tag or a digest is refused as one that is none. */
const longestSegment = 1024 * 1024;

/**
 * How the router reads a URL: as it is written, or a path could mean one thing here and another to a proxy in front of us.
 *
 * @param prefix `http.prefix`
 */
export function routerOptions(prefix?: string) {
  return {
    exposeHeadRoutes: false,
    routerOptions: {
      maxParamLength: longestSegment,
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
      caseSensitive: true,
    },
    rewriteUrl: (request: IncomingMessage) => foldRepositoryName(request.url ?? '/', prefix),
  } satisfies FastifyServerOptions;
}
