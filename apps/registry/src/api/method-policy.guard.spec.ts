import 'reflect-metadata';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';
import { RequestMethod } from '@nestjs/common';

import { MethodPolicyGuard } from './method-policy.guard.js';

interface Route {
  readonly name: string;
  readonly changes: boolean;
  readonly guarded: boolean;
}

const reads: readonly unknown[] = [RequestMethod.GET, RequestMethod.HEAD];
const controllers = readdirSync(import.meta.dirname).filter((file) =>
  file.endsWith('.controller.ts'),
);

/** The methods that answer requests, of the one class in a file. */
async function routesIn(file: string): Promise<Route[]> {
  const exported = Object.values((await import(join(import.meta.dirname, file))) as object);
  const { prototype } = exported[0] as { readonly prototype: object };
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler: unknown = Reflect.get(prototype, name);
    if (typeof handler !== 'function' || !Reflect.hasMetadata('method', handler)) return [];
    const guards = (Reflect.getMetadata('__guards__', handler) ?? []) as readonly unknown[];
    const changes = !reads.includes(Reflect.getMetadata('method', handler));
    return [{ name: `${file} ${name}`, changes, guarded: guards.includes(MethodPolicyGuard) }];
  });
}

describe('MethodPolicyGuard', () => {
  it('is before every route that changes something, and before no other', async () => {
    const routes = (await Promise.all(controllers.map(routesIn))).flat();
    expect(routes.some(({ changes }) => changes)).toBe(true);
    const wrong = routes.filter(({ changes, guarded }) => changes !== guarded);
    expect(wrong).toEqual([]);
  });
});
