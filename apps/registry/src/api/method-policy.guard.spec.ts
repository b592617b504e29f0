import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { RequestMethod } from '@nestjs/common';

import { BlobsController } from './blobs.controller.js';
import { ManifestsController } from './manifests.controller.js';
import { MethodPolicyGuard } from './method-policy.guard.js';
import { UploadsController } from './uploads.controller.js';

const reads: readonly unknown[] = [RequestMethod.GET, RequestMethod.HEAD];

/** The methods of a controller that answer requests, with their verb and whether the guard is before them. */
function routesOf({ prototype }: { readonly prototype: object }) {
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler: unknown = Reflect.get(prototype, name);
    if (typeof handler !== 'function' || !Reflect.hasMetadata('method', handler)) return [];
    const guards = (Reflect.getMetadata('__guards__', handler) ?? []) as readonly unknown[];
    const reading = reads.includes(Reflect.getMetadata('method', handler));
    return [{ name, reading, guarded: guards.includes(MethodPolicyGuard) }];
  });
}

describe('MethodPolicyGuard', () => {
  it.each([BlobsController, ManifestsController, UploadsController])(
    'is before the routes of %p that change something, and before no other',
    (controller) => {
      const routes = routesOf(controller);
      expect(routes.some(({ reading }) => !reading)).toBe(true);
      for (const { name, reading, guarded } of routes) {
        expect({ name, guarded }).toEqual({ name, guarded: !reading });
      }
    },
  );
});
