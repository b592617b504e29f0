import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { Digest } from '#oci/digest.js';
import { PaginationNumberInvalid } from '#oci/errors.js';
import { parseReference } from '#oci/reference.js';
import { parseRepositoryName } from '#oci/repository-name.js';

import { MethodNotAllowed } from './errors.js';

/** Read in place: a pipe of the framework's costs each parameter three promises. */
const parameter = <T>(name: string, parse: (text: string) => T) =>
  createParamDecorator((_data: unknown, context: ExecutionContext): T => {
    const { params } = context.switchToHttp().getRequest<PathRequest>();
    return parse(params[name] ?? '');
  });

type PathRequest = FastifyRequest<{ Params: Readonly<Record<string, string | undefined>> }>;

/** The repository of the path. */
export const Name = parameter('name', parseRepositoryName);

/** The blob of the path. What looks like one may be the place where uploads begin. */
export const BlobDigest = parameter('digest', (text) => {
  if (text === 'uploads') throw new MethodNotAllowed('an upload begins with POST', ['POST']);
  return Digest.parse(text);
});

/** The subject of the path. */
export const PathDigest = parameter('digest', (text) => Digest.parse(text));

/** The manifest of the path. */
export const ManifestReference = parameter('reference', parseReference);

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A parameter that may stand once; of a repeated one the first counts. */
export function one(query: Query, key: string): string | undefined {
  const value = query[key];
  return typeof value === 'string' ? value : value?.[0];
}

/** All values of a parameter that may be repeated. */
export function all(query: Query, key: string): readonly string[] {
  const value = query[key];
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/**
 * How many entries a page has at most. More than the maximum is clamped: clients ask for 10,000 and follow the Link.
 * @throws {PaginationNumberInvalid} unless `n` is one whole number
 */
export function pageSize(query: Query, maximum: number): number {
  const n = query['n'];
  if (n === undefined || n === '') return maximum;
  if (typeof n !== 'string' || !/^\d{1,400}$/.test(n)) {
    throw new PaginationNumberInvalid(typeof n === 'string' ? n.slice(0, 100) : n.length);
  }
  return Math.min(Number(n), maximum);
}
