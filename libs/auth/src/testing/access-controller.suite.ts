import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { RegistryError, Unauthorized } from '#oci/errors.js';

import type { AccessController } from '../access-controller.js';
import type { Scope } from '../scope.js';

export interface AccessControllerCase {
  readonly controller: AccessController;
  /** Values of `Authorization` that are let in, and as whom. `undefined`: a request without one. */
  readonly accepted: readonly (readonly [authorization: string | undefined, subject: string])[];
  /** Values that are refused; none where everybody is let in. */
  readonly refused: readonly (string | undefined)[];
}

const scopeSets: readonly (readonly Scope[])[] = [
  [],
  [{ type: 'repository', name: 'library/alpine', actions: ['pull'] }],
  [
    { type: 'repository', name: 'library/alpine', actions: ['pull', 'push'] },
    { type: 'repository', name: 'base', actions: ['pull'] },
  ],
  [{ type: 'repository', name: 'library/alpine', actions: ['delete'] }],
  [{ type: 'registry', name: 'catalog', actions: ['*'] }],
];

/** One scheme and its parameters, all quoted, as a client's parser expects it (RFC 9110 §11.6.1). */
const wellFormedChallenge =
  /^(Basic|Bearer) [a-z]+="(?:[^"\\\p{Cc}]|\\.)*"(?:,[a-z]+="(?:[^"\\\p{Cc}]|\\.)*")*$/u;

export function describeAccessController(
  prepare: () => AccessControllerCase | Promise<AccessControllerCase>,
): void {
  describe('as an access controller', () => {
    let given: AccessControllerCase;
    beforeAll(async () => {
      given = await prepare();
    });

    it.each(scopeSets.map((scopes) => [scopes]))('lets in who may, for %j', async (scopes) => {
      for (const [authorization, subject] of given.accepted) {
        const grant = await given.controller.authorize({ authorization, required: scopes });
        expect(grant.subject).toBe(subject);
        expect(scopes.map((scope) => grant.allows(scope))).toEqual(scopes.map(() => true));
      }
    });

    it('refuses everybody else with a challenge, the same whatever was wrong', async () => {
      const challenges = new Set<string>();
      for (const authorization of given.refused) {
        const error = await refusal(given.controller.authorize({ authorization, required: [] }));
        expect(error.challenge).toMatch(wellFormedChallenge);
        challenges.add(error.challenge);
      }
      expect(challenges.size).toBe(given.refused.length === 0 ? 0 : 1);
    });

    it('tells in the detail what was asked for, and never the credentials', async () => {
      for (const authorization of given.refused) {
        const error = await refusal(
          given.controller.authorize({
            authorization,
            required: [{ type: 'repository', name: 'library/alpine', actions: ['pull', 'push'] }],
          }),
        );
        expect(error.detail).toEqual([
          { Type: 'repository', Class: '', Name: 'library/alpine', Action: 'pull' },
          { Type: 'repository', Class: '', Name: 'library/alpine', Action: 'push' },
        ]);
        const said = `${error.message} ${error.challenge} ${JSON.stringify(error.detail)}`;
        expect(said).not.toContain(authorization || 'Authorization');
      }
    });

    it('gives a hundred requests at once the answer that each gets alone', async () => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const [authorization, subject] = given.accepted[index % given.accepted.length] ?? [];
          return (
            (await given.controller.authorize({ authorization, required: [] })).subject === subject
          );
        }),
      );
      expect(answers).toEqual(answers.map(() => true));
    });

    it('answers any header at all with a grant or a named refusal', async () => {
      await fc.assert(
        fc.asyncProperty(hostileHeader, async (authorization) => {
          const outcome = await given.controller
            .authorize({ authorization, required: [] })
            .then(({ subject }) => typeof subject)
            .catch((error: unknown) => error);
          expect(outcome === 'string' || outcome instanceof RegistryError).toBe(true);
        }),
        { numRuns: 200, interruptAfterTimeLimit: 4_000 },
      );
    });
  });
}

/** Nothing that would make an honest hash of it: the time bound is on parsing. */
const hostileHeader = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 2_000 }),
  fc.string({ maxLength: 200 }).map((text) => `Basic ${text}`),
  fc.nat(1_000_000).map((length) => `Basic ${'A'.repeat(length)}`),
  fc.nat(1_000_000).map((length) => `Basic${' '.repeat(length)}`),
  fc.nat(1_000_000).map((length) => `Bearer ${'a.'.repeat(length / 2)}`),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => {
    return `Basic ${Buffer.from(bytes).toString('base64').replaceAll('Og', 'AA')}`;
  }),
);

async function refusal(attempt: Promise<unknown>): Promise<Unauthorized> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof Unauthorized) return error;
    throw error;
  }
  throw new Error('let in');
}
