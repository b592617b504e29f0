import type { Scope } from '#auth/scope.js';
import { isRepositoryName, parseRepositoryName } from '#oci/repository-name.js';

import { one, type Query } from './params.js';

/** What decides about the scopes of a request: the route that took it, and what the router read from the path. */
export interface ScopedRequest {
  readonly method: string;
  /** The pattern, `/v2/:name/blobs/:digest`. */
  readonly route: string | undefined;
  readonly name: string | undefined;
  readonly query: Query;
}

export interface NeededScopes {
  readonly required: readonly Scope[];
  /** Without them the request is answered in another way. */
  readonly wished: readonly Scope[];
}

/** Load balancers and Kubernetes ask these without credentials; they tell nothing about content. */
const openRoutes = new Set(['/', '/startupz', '/livez', '/readyz']);

const authenticated: NeededScopes = { required: [], wished: [] };

const catalog: NeededScopes = {
  required: [{ type: 'registry', name: 'catalog', actions: ['*'] }],
  wished: [],
};

const actionsOf: Readonly<Record<string, Scope['actions']>> = {
  GET: ['pull'],
  HEAD: ['pull'],
  POST: ['pull', 'push'],
  PUT: ['pull', 'push'],
  PATCH: ['pull', 'push'],
  DELETE: ['delete'],
};

/**
 * Docker's token specification and what Distribution makes of it.
 *
 * @returns undefined where nobody has to say who they are
 * @throws {NameInvalid} a scope is never made from a name that is none
 */
export function scopesOf({ method, route, name, query }: ScopedRequest): NeededScopes | undefined {
  if (route === undefined || openRoutes.has(route)) return undefined;
  if (name === undefined) return route.startsWith('/v2/_catalog') ? catalog : authenticated;
  const actions = actionsOf[method];
  if (actions === undefined) throw new Error(`no scope is known for ${method} ${route}`);
  return {
    required: [{ type: 'repository', name: parseRepositoryName(name), actions }],
    wished: method === 'POST' ? mountSource(query) : [],
  };
}

/** To mount a blob one must be able to pull it from where it is; who cannot may still upload it. */
function mountSource(query: Query): readonly Scope[] {
  const from = one(query, 'from');
  if (from === undefined || one(query, 'mount') === undefined || !isRepositoryName(from)) return [];
  return [pullScope(from)];
}

function pullScope(name: string): Scope {
  return { type: 'repository', name, actions: ['pull'] };
}
