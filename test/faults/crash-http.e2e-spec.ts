import { cp } from 'node:fs/promises';

import { describe, expect, it } from '@jest/globals';

import { FilesystemDriver } from '#storage/filesystem/filesystem-driver.js';

import { RegistryClient } from '../support/registry-client.js';
import { HttpPusher, NoAnswer } from './http-pusher.js';
import { inTwos } from './in-twos.js';
import { Death } from './processes/death.js';
import { serve } from './processes/serve.js';
import { inspect, leftovers } from './registry-folder.js';
import { RegistryProcess } from './registry-process.js';
import { withFolder } from './with-folder.js';

const repository = 'some/repository';
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

/** How a registry dies: its process is killed, or no step after the last is ever made. */
type Dying = (folder: string, dieAt: number | undefined) => Promise<DyingRegistry>;

interface DyingRegistry {
  readonly url: string;
  readonly steps: readonly string[];
  readonly end: () => Promise<void>;
}

async function startKilled(folder: string, dieAt: number | undefined): Promise<DyingRegistry> {
  const dying = await RegistryProcess.start(folder, dieAt ? [`--die-at=${dieAt}`] : []);
  return {
    url: dying.url,
    end: () => dying.kill(),
    get steps() {
      return dying.steps;
    },
  };
}

/** Keeps what waits for them, and its open files, from being collected. */
const neverResolved: unknown[] = [];

async function startFrozen(folder: string, dieAt: number | undefined): Promise<DyingRegistry> {
  const stop = () => {
    served.app.getHttpServer().closeAllConnections();
    return new Promise<never>((resolve) => neverResolved.push(resolve));
  };
  const death = new Death(dieAt, stop, () => undefined);
  const served = await serve({ rootdirectory: folder, onStep: death.onStep });
  death.begin();
  const end = async () => {
    await served.close();
  };
  return { url: served.url, steps: death.steps, end };
}

/** Has a registry die in a folder that was prepared, and another one go on there. */
async function crash(push: Push, prepared: Prepared, start: Dying, dieAt?: number) {
  return withFolder(async (folder) => {
    await cp(prepared.folder, folder, { recursive: true });
    const dying = await start(folder, dieAt);
    const pusher = new HttpPusher(dying.url, repository);
    const problems: string[] = [];
    try {
      await push.act(pusher, prepared.old);
    } catch (error) {
      if (!(error instanceof NoAnswer)) problems.push(String(error));
    } finally {
      await dying.end();
    }
    problems.push(...problemsOf(await inspect(folder), push.finally === 'gone'));
    if (dieAt !== undefined && pusher.unanswered === undefined) problems.push('it did not die');
    const { close, url } = await serve({ rootdirectory: folder });
    try {
      pusher.turnTo(url);
      problems.push(...(await goOn(push, pusher, url, prepared.old)));
    } finally {
      await close();
    }
    problems.push(...problemsOf(await inspect(folder)), ...(await sweptLeftovers(folder)));
    const last = dying.steps.at(-1) ?? '';
    return { steps: dying.steps.length, problems: problems.map((one) => `${last}: ${one}`) };
  });
}

interface Prepared {
  readonly folder: string;
  /** What the tag points at. */
  readonly old: string;
}

async function prepare(folder: string): Promise<Prepared> {
  const { close, url } = await serve({ rootdirectory: folder });
  try {
    const pusher = new HttpPusher(url, repository);
    await pusher.pushWhole(config);
    await pusher.pushWhole(oldLayer);
    return { folder, old: await pusher.setTag('tag', oldLayer) };
  } finally {
    await close();
  }
}

async function goOn(push: Push, pusher: HttpPusher, url: string, old: string) {
  const problems: string[] = [];
  const client = new RegistryClient(url);
  const before = await client.manifest(repository, 'tag');
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
  const after = await client.manifest(repository, 'tag');
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

/** While a manifest is being deleted a tag may be left that answers 404. */
function problemsOf(
  { corrupt, dangling, empty }: Awaited<ReturnType<typeof inspect>>,
  deleting = false,
): string[] {
  return [
    ...corrupt.map((digest) => `corrupt: ${digest}`),
    ...dangling.map((link) => `dangling: ${link}`),
    ...(deleting ? [] : empty.map((tag) => `without a revision: ${tag}`)),
  ];
}

async function sweptLeftovers(rootdirectory: string): Promise<string[]> {
  const driver = await FilesystemDriver.connect({ rootdirectory });
  const swept = driver.uploads.sweep(Date.now() + 60_000, { dryRun: false });
  for await (const path of swept) expect(path).toContain('holdfast/v1');
  return (await leftovers(rootdirectory)).map((path) => `left over: ${path}`);
}

/** A process for each step takes its time; by default every fifth step gets one. */
const everyProcess = process.env['HOLDFAST_FAULTS_FULL'] === '1';

describe('A2, D8: a registry that stops before any step of a write', () => {
  it.each(pushes.map((push) => [push.name, push] as const))(
    'in %s: the same request again ends well, and no link is without its blob',
    async (_name, push) => {
      await withFolder(async (folder) => {
        const prepared = await prepare(folder);
        const { steps, problems } = await crash(push, prepared, startKilled);
        expect(problems).toEqual([]);
        expect(steps).toBeGreaterThan(5);
        const each = Array.from({ length: steps }, (_, index) => index + 1);
        const frozen = await inTwos(each, (step) => crash(push, prepared, startFrozen, step));
        expect(frozen.flatMap((one) => one.problems)).toEqual([]);
        const some = each.filter((step) => everyProcess || step % 5 === 1);
        const killed = await inTwos(some, (step) => crash(push, prepared, startKilled, step));
        expect(killed.flatMap((one) => one.problems)).toEqual([]);
      });
    },
    300_000,
  );
});
