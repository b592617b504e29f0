import { z } from 'zod';

import type { SwiftClient } from './swift-client.js';
import { DamagedOnTheWay, UnexpectedAnswer } from './swift-http.js';
import type { SwiftNames } from './swift-names.js';
import type { SwiftObjects } from './swift-objects.js';

const bulkAnswer = z.object({
  'Response Status': z.string(),
  'Response Body': z.string().default(''),
  Errors: z.array(z.tuple([z.string(), z.string()])).default([]),
});

/** Removes names, and nothing that a manifest with such a name has pieces in: other manifests may name them too. */
export class SwiftRemovals {
  constructor(
    private readonly client: SwiftClient,
    private readonly names: SwiftNames,
    private readonly objects: SwiftObjects,
    private readonly bulkDeletes: () => number,
  ) {}

  async remove(key: string, version?: string): Promise<void> {
    if (version !== undefined) await this.objects.compare(key, version);
    await this.#removeOne(this.names.ofKey(key));
  }

  async removeNames(names: readonly string[]): Promise<void> {
    const most = Math.min(this.bulkDeletes(), mostInOneRequest);
    if (names.length < 2 || most < 2) {
      for (let start = 0; start < names.length; start += singlesAtOnce) {
        const some = names.slice(start, start + singlesAtOnce);
        await Promise.all(some.map((name) => this.#removeOne(name)));
      }
      return;
    }
    for (let start = 0; start < names.length; start += most) {
      await this.#removeMany(names.slice(start, start + most));
    }
  }

  async #removeOne(name: string): Promise<void> {
    await this.client.run('remove', async (attempt) => {
      await attempt.text({ method: 'DELETE', path: this.names.path(name), expected: [404] });
    });
  }

  async #removeMany(names: readonly string[]): Promise<void> {
    await this.client.run('remove many', async (attempt) => {
      using _ = attempt.patience(names.length * 100);
      const { content } = await attempt.text({
        method: 'POST',
        path: '',
        query: { 'bulk-delete': 'true' },
        headers: { 'content-type': 'text/plain', accept: 'application/json' },
        body: names.map((name) => this.names.path(name)).join('\n'),
      });
      // Swift begins to answer 200 before it has removed anything; how it went is in the body.
      const parsed = bulkAnswer.safeParse(json(content));
      if (!parsed.success) throw new DamagedOnTheWay('Swift did not say what it removed');
      const { 'Response Status': status, 'Response Body': body, Errors: errors } = parsed.data;
      const problem = errors.find(([, each]) => !each.startsWith('404'))?.[1] ?? status;
      const code = Number.parseInt(problem, 10);
      if (code === 200 || code === 404) return;
      // A name that is not removed makes the whole answer a 400; a token may have expired on the way.
      const passing = code === 400 || code === 401;
      throw new UnexpectedAnswer('POST ?bulk-delete', passing ? 500 : code, `${problem} ${body}`);
    });
  }
}

const mostInOneRequest = 1000;
const singlesAtOnce = 16;

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
