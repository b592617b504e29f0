import { NameUnknown, type RegistryError } from '#oci/errors.js';

import { MethodNotAllowed } from './errors.js';

/** What each path of the API can be asked. Names are folded into one segment by now. */
const methods: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^\/(v2\/?)?$/, ['GET', 'HEAD']],
  [/^\/(startupz|livez|readyz)\/?$/, ['GET', 'HEAD']],
  [/^\/v2\/_catalog$/, ['GET']],
  [/^\/v2\/[^/]+\/blobs\/uploads\/?$/, ['POST']],
  [/^\/v2\/[^/]+\/blobs\/uploads\/[^/]+$/, ['GET', 'PATCH', 'PUT', 'DELETE']],
  [/^\/v2\/[^/]+\/blobs\/[^/]+$/, ['GET', 'HEAD', 'DELETE']],
  [/^\/v2\/[^/]+\/manifests\/[^/]+$/, ['GET', 'HEAD', 'PUT', 'DELETE']],
  [/^\/v2\/[^/]+\/tags\/list$/, ['GET']],
  [/^\/v2\/[^/]+\/referrers\/[^/]+$/, ['GET']],
];

/** What to answer where no controller takes a request: the path is unknown, or only the method is. */
export function unknownRoute(path: string): RegistryError {
  const known = methods.find(([pattern]) => pattern.test(path));
  if (known === undefined) return new NameUnknown(path.slice(0, 300));
  return new MethodNotAllowed('this path does not take this method', known[1]);
}
