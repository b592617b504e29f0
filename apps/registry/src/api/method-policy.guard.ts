import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { MethodNotAllowed } from './errors.js';

/** What the configuration lets be changed. */
export class MethodPolicy {
  constructor(
    /** `storage.maintenance.readonly.enabled` */
    readonly readOnly: boolean,
    /** `storage.delete.enabled`; the cancel of an upload is no delete */
    readonly deletes: boolean,
  ) {}
}

/**
 * On every route that changes something, which its test makes sure of; on no other, since a guard costs each request of its
 * route.
 */
@Injectable()
export class MethodPolicyGuard implements CanActivate {
  constructor(private readonly policy: MethodPolicy) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (this.policy.readOnly) {
      throw new MethodNotAllowed('the registry is read-only (storage.maintenance.readonly)', [
        'GET',
        'HEAD',
      ]);
    }
    const isUpload = request.routeOptions.url?.includes('/blobs/uploads') === true;
    if (request.method === 'DELETE' && !isUpload && !this.policy.deletes) {
      const isManifest = request.routeOptions.url?.includes('/manifests/') === true;
      throw new MethodNotAllowed(
        'deletes are disabled (storage.delete.enabled)',
        isManifest ? ['GET', 'HEAD', 'PUT'] : ['GET', 'HEAD'],
      );
    }
    return true;
  }
}
