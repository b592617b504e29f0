import type { FastifyRequest } from 'fastify';

import type { Grant } from '#auth/access-controller.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who was let in; absent where nobody has to say who they are. */
    grant?: Grant;
  }
}

/** The account behind a request; empty for anonymous access. */
export function subjectOf(request: FastifyRequest): string {
  return request.grant?.subject ?? '';
}
