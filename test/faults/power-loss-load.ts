import { createHash } from 'node:crypto';

import { PathNotFound, type StorageDriver } from '#storage/storage-driver.js';
import { Seeded } from '#storage/testing/seeded.js';

/** What a file is to contain: nothing of its own, bytes that a number stands for, or no file. */
type Promised =
  | { readonly kind: 'file'; readonly path: string; readonly bytes: string | undefined }
  | { readonly kind: 'parts'; readonly session: string; readonly bytes: string };

/** A promise is made when the driver's own has been kept; before, either state is right. */
export interface LoadEvent {
  readonly state: 'begun' | 'done';
  readonly promised: readonly Promised[];
}

const sizes = [0, 1, 100, 4096, 70_000];

/** Bytes by a short name. */
function bytesOf(name: string): Buffer {
  const [seed = '0', size = '0'] = name.split(':');
  return new Seeded(Number(seed)).bytes(Number(size));
}

/** One request after the other: tags that move and go, blobs in one body and in parts. Does not end by itself. */
export async function runLoad(
  driver: StorageDriver,
  worker: string,
  random: Seeded,
  tell: (event: LoadEvent) => void,
): Promise<never> {
  const promise = async (promised: readonly Promised[], action: () => Promise<unknown>) => {
    tell({ state: 'begun', promised });
    await action();
    tell({ state: 'done', promised });
  };
  const tagged = new Map<string, string>();
  const newBytes = () => `${random.below(1e9)}:${random.pick(sizes)}`;
  for (let turn = 0; ; turn++) {
    const bytes = newBytes();
    const file = (path: string, name = bytes) => ({ path, content: bytesOf(name) });
    const blob = `/blobs/${worker}/${turn}/data`;
    const link = `/repositories/${worker}/${turn}/link`;
    const tag = `/tags/${worker}/${random.below(3)}/link`;
    const committed: readonly Promised[] = [
      { kind: 'file', path: blob, bytes },
      { kind: 'file', path: link, bytes },
    ];
    const session = `session-${worker}-${turn}-${random.below(100)}`;
    switch (random.below(5)) {
      case 0:
        tagged.set(tag, bytes);
        await promise([{ kind: 'file', path: tag, bytes }], () =>
          driver.put([file(`${tag}.index`)], [file(tag)]),
        );
        break;
      case 1:
        await promise([{ kind: 'file', path: tag, bytes: undefined }], () => driver.remove(tag));
        break;
      case 3:
        await promise([{ kind: 'file', path: tag, bytes: undefined }], () =>
          driver.removeIf(tag, bytesOf(tagged.get(tag) ?? '')),
        );
        break;
      case 2:
        await promise(committed, async () => {
          const writer = await driver.uploads.claim(session, undefined);
          await writer.write(bytesOf(bytes));
          await writer.commit(blob, [file(link)]);
        });
        break;
      default: {
        let writer = await driver.uploads.claim(session, undefined);
        await writer.write(bytesOf(bytes));
        await promise([{ kind: 'parts', session, bytes }], async () => {
          const parts = await writer.finish();
          writer = await driver.uploads.claim(session, parts);
        });
        if (random.below(2) === 0)
          await promise(committed, () => writer.commit(blob, [file(link)]));
        else await writer.abandon();
      }
    }
  }
}

/** What of the promises does not hold. */
export async function broken(
  driver: StorageDriver,
  events: readonly LoadEvent[],
): Promise<readonly string[]> {
  const allowed = new Map<string, (string | undefined)[]>();
  const sessions = new Map<string, string>();
  for (const { state, promised } of events) {
    for (const one of promised) {
      if (one.kind === 'parts') {
        if (state === 'done') sessions.set(one.session, one.bytes);
        continue;
      }
      const before = allowed.get(one.path) ?? [undefined];
      allowed.set(one.path, state === 'done' ? [one.bytes] : [...before, one.bytes]);
    }
  }
  const problems: string[] = [];
  for (const [path, contents] of allowed) {
    const found = await hashAt(driver, path);
    if (!contents.map(hashOf).includes(found))
      problems.push(`${path}: ${found}, not ${contents.join(' or ')}`);
  }
  for (const [session, bytes] of sessions) {
    const problem = await lostParts(driver, session, bytes, allowed).catch(String);
    if (problem !== undefined) problems.push(problem);
  }
  return problems;
}

/** A session has its parts until it is committed, and after that may have what the commit did not come to remove. */
async function lostParts(
  driver: StorageDriver,
  session: string,
  bytes: string,
  allowed: ReadonlyMap<string, unknown>,
): Promise<string | undefined> {
  const [, ...words] = session.split('-');
  if (allowed.has(`/blobs/${words.slice(0, 2).join('-')}/${words[2]}/data`)) return undefined;
  const found = await driver.uploads.find(session);
  const expected = bytesOf(bytes);
  if (expected.length === 0) return undefined;
  if (found?.parts.size !== expected.length) return `${session}: ${found?.parts.size} bytes`;
  const writer = await driver.uploads.recover(session, found.parts);
  const chunks: Buffer[] = [];
  for await (const chunk of writer.read()) chunks.push(Buffer.from(chunk));
  await writer.abandon();
  return Buffer.concat(chunks).equals(expected) ? undefined : `${session}: other bytes`;
}

async function hashAt(driver: StorageDriver, path: string): Promise<string> {
  try {
    return sha256(await driver.get(path, { limit: 1024 * 1024 }));
  } catch (error) {
    if (error instanceof PathNotFound) return 'nothing';
    throw error;
  }
}

function hashOf(bytes: string | undefined): string {
  return bytes === undefined ? 'nothing' : sha256(bytesOf(bytes));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12);
}
