import type { FastifyRequest } from 'fastify';

import { RegistryError } from '#oci/errors.js';
import { StorageUnavailable } from '#storage/storage-driver.js';
import type { LogFields } from '#telemetry/log.js';

/** Causes have causes; what is deeper says nothing new. */
const mostCauses = 4;

/** What went wrong and why, without what clients of storages hang onto their errors: requests, with headers and addresses. */
export function failureFields(error: unknown): LogFields {
  const causes = causesOf(error);
  const cause = causes.length > 0 ? causes : undefined;
  if (error instanceof StorageUnavailable) return { reason: error.reason, cause };
  if (error instanceof RegistryError) return { reason: error.message, detail: error.detail, cause };
  const stack = error instanceof Error ? error.stack : undefined;
  return { error: String(error), cause, stack };
}

/** What was asked for. */
export function requestFields({ method, params }: FastifyRequest): LogFields {
  const { name, reference, digest } = (params ?? {}) as Readonly<Record<string, string>>;
  return { method, repository: name, reference, digest };
}

function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause !== undefined && causes.length < mostCauses) {
    causes.push(briefly(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}

/** Several failures in one, such as those of each address of a host, have no message of their own. */
function briefly(cause: unknown): string {
  if (!(cause instanceof Error)) return typeof cause === 'string' ? cause : typeof cause;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return `${cause.name}: ${cause.message || code}`;
}
