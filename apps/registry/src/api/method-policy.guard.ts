import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { MethodNotAllowed } from './errors.js';

export interface MethodPolicy {
  /** `storage.maintenance.readonly.enabled` */
  readonly readOnly: boolean;
  /** `storage.delete.enabled`; the cancel of an upload is no delete */
  readonly deletes: boolean;
}

/** The one guard for every route that changes something, so that none can forget. */
export class MethodPolicyGuard implements CanActivate {
  constructor(private readonly policy: MethodPolicy) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (request.method === 'GET' || request.method === 'HEAD') return true;
    const isUpload = request.routeOptions.url?.includes('/blobs/uploads') === true;
    if (this.policy.readOnly) {
      throw new MethodNotAllowed('the registry is read-only (storage.maintenance.readonly)', [
        'GET',
        'HEAD',
      ]);
    }
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
