import { describe, expect, it } from '@jest/globals';

import { FilesystemDriver } from '#storage/filesystem/filesystem-driver.js';

import { RegistryClient } from '../support/registry-client.js';
import { HttpPusher, NoAnswer } from './http-pusher.js';
import { inTwos } from './in-twos.js';
import { inspect, leftovers } from './registry-folder.js';
import { RegistryProcess } from './registry-process.js';
import { withFolder } from './with-folder.js';

const config = Buffer.from('{}');
const oldLayer = Buffer.from('the layer that was there');
const newLayer = Buffer.from('the layer that comes, in two parts and three requests');

/** What is done while the registry dies, and what the tag may point at afterwards. */
interface Push {
  readonly name: string;
  readonly act: (pusher: HttpPusher, old: string) => Promise<void>;
  readonly finally: 'new' | 'old' | 'gone';
}

const pushes: readonly Push[] = [
  {
    name: 'a push in parts',
    act: async (pusher) => {
      await pusher.pushInParts(newLayer);
      await pusher.setTag('tag', newLayer);
    },
    finally: 'new',
  },
  {
    name: 'a delete by digest',
    act: (pusher, old) => pusher.delete(old),
    finally: 'gone',
  },
];

/** Prepares a folder, has a registry die in it, and starts another one. */
async function crash(push: Push, dieAt: number | undefined) {
  return withFolder(async (folder) => {
    const first = await RegistryProcess.start(folder);
    const pusher = new HttpPusher(first.url, 'some/repository');
    let old: string;
    try {
      await pusher.pushWhole(config);
      await pusher.pushWhole(oldLayer);
      old = await pusher.setTag('tag', oldLayer);
    } finally {
      await first.kill();
    }
    const dying = await RegistryProcess.start(folder, dieAt ? [`--die-at=${dieAt}`] : []);
    pusher.turnTo(dying.url);
    try {
      await push.act(pusher, old);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
    } finally {
      await dying.kill();
    }
    const problems = problemsOf(await inspect(folder));
    if (dieAt !== undefined && pusher.unanswered === undefined) problems.push('it did not die');
    const next = await RegistryProcess.start(folder);
    try {
      pusher.turnTo(next.url);
      problems.push(...(await goOn(push, pusher, next, old)));
    } finally {
      await next.kill();
    }
    problems.push(...problemsOf(await inspect(folder)), ...(await sweptLeftovers(folder)));
    const last = dying.steps.at(-1) ?? '';
    return { steps: dying.steps.length, problems: problems.map((one) => `${last}: ${one}`) };
  });
}

async function goOn(push: Push, pusher: HttpPusher, next: RegistryProcess, old: string) {
  const problems: string[] = [];
  const client = new RegistryClient(next.url);
  const before = await client.manifest('some/repository', 'tag');
  const digest = before.headers.get('docker-content-digest');
  if (before.status !== 200 && push.finally !== 'gone') problems.push(`tag: ${before.status}`);
  if (push.finally === 'gone' && before.status === 200 && digest !== old)
    problems.push('wrong tag');
  const request = pusher.unanswered;
  if (request !== undefined) {
    const { status } = await pusher.again();
    const accepted = expectedAgain(request);
    if (!accepted.includes(status)) problems.push(`again ${request}: ${status}`);
  }
  // A client that gets an answer it cannot use begins anew.
  if (push.finally !== 'gone') await push.act(pusher, old);
  const after = await client.manifest('some/repository', 'tag');
  const status = push.finally === 'gone' ? 404 : 200;
  if (after.status !== status) problems.push(`at last: ${after.status}`);
  return problems;
}

/** PUT again ends in 201. A chunk sent again may be there already; a delete may be done already. */
function expectedAgain(request: string): readonly number[] {
  const [method = ''] = request.split(' ');
  const accepted: Readonly<Record<string, readonly number[]>> = {
    POST: [202],
    PATCH: [202, 416],
    PUT: [201],
    DELETE: [202, 404],
  };
  return accepted[method] ?? [];
}

function problemsOf({ corrupt, dangling }: Awaited<ReturnType<typeof inspect>>): string[] {
  return [
    ...corrupt.map((digest) => `corrupt: ${digest}`),
    ...dangling.map((link) => `dangling: ${link}`),
  ];
}

async function sweptLeftovers(rootdirectory: string): Promise<string[]> {
  const driver = await FilesystemDriver.connect({ rootdirectory });
  const swept = driver.uploads.sweep(Date.now() + 60_000, { dryRun: false });
  for await (const path of swept) expect(path).toContain('holdfast/v1');
  return (await leftovers(rootdirectory)).map((path) => `left over: ${path}`);
}

describe('A2 a registry that is killed before any step of a write', () => {
  it.each(pushes.map((push) => [push.name, push] as const))(
    'in %s: the same request again ends well, and no link is without its blob',
    async (_name, push) => {
      const { steps, problems } = await crash(push, undefined);
      expect(problems).toEqual([]);
      expect(steps).toBeGreaterThan(5);
      const each = Array.from({ length: steps }, (_, index) => index + 1);
      const crashed = await inTwos(each, (step) => crash(push, step));
      expect(crashed.flatMap((one) => one.problems)).toEqual([]);
    },
    240_000,
  );
});
