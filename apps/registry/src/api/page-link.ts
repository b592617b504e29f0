import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * The address of the next page (RFC 8288; distribution-spec, §"Listing Tags"): the path that was asked, so that no proxy
 * can make it wrong.
 */
export function setNextPage(
  reply: FastifyReply,
  request: FastifyRequest,
  query: Readonly<Record<string, string>>,
): void {
  const [path] = request.originalUrl.split('?', 1);
  reply.header('link', `<${path}?${new URLSearchParams(query).toString()}>; rel="next"`);
}
