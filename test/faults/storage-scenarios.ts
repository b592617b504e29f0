import { appendFile, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { PathNotFound, type StorageDriver } from '#storage/storage-driver.js';
import { SessionEnded } from '#storage/upload-area.js';

/** Something that is done to a storage, which may be cut off anywhere. */
export interface Scenario {
  readonly name: string;
  readonly prepare: (driver: StorageDriver, root: string) => Promise<void>;
  /** Done again after a crash, it ends as if there had been none. */
  readonly act: (driver: StorageDriver) => Promise<void>;
  /** Somebody else's deed at a step of this one. */
  readonly disturb?: (driver: StorageDriver, step: string) => Promise<void>;
  /** What holds wherever it was cut off; tells what does not. */
  readonly problems: (driver: StorageDriver) => Promise<readonly string[]>;
  /** What holds when it was done. */
  readonly isDone: (driver: StorageDriver) => Promise<boolean>;
}

const file = (path: string, content: string) => ({ path, content: Buffer.from(content) });

async function contentAt(driver: StorageDriver, path: string): Promise<string | undefined> {
  try {
    return (await driver.get(path, { limit: 1024 * 1024 })).toString();
  } catch (error) {
    if (error instanceof PathNotFound) return undefined;
    throw error;
  }
}

const oneOf =
  (path: string, ...contents: readonly (string | undefined)[]) =>
  async (driver: StorageDriver): Promise<readonly string[]> => {
    const found = await contentAt(driver, path);
    return contents.includes(found) ? [] : [`${path} is ${found}`];
  };
const is = (path: string, content: string | undefined) => async (driver: StorageDriver) =>
  (await contentAt(driver, path)) === content;

const bytes = 'first part, second part';
const data = '/docker/blobs/ab/abcd/data';
const link = '/docker/repositories/r/_layers/link';

/** A link is there only with the whole blob; and nothing that was finished before is lost. */
async function uploadProblems(driver: StorageDriver): Promise<readonly string[]> {
  const [stored, linked] = [await contentAt(driver, data), await contentAt(driver, link)];
  if (stored !== undefined && stored !== bytes) return [`the blob is ${stored}`];
  return linked !== undefined && stored === undefined ? ['a link to a blob that is not there'] : [];
}

async function finishedProblems(driver: StorageDriver): Promise<readonly string[]> {
  if ((await contentAt(driver, link)) !== undefined) return uploadProblems(driver);
  const found = await driver.uploads.find('session01');
  if (found === undefined) return ['the session is lost'];
  const writer = found.claimed
    ? await driver.uploads.recover('session01', found.parts)
    : await driver.uploads.claim('session01', found.parts);
  let text = '';
  for await (const chunk of writer.read()) text += Buffer.from(chunk).toString();
  await writer.abandon();
  return text === 'first part, ' || text === bytes ? uploadProblems(driver) : [`kept: ${text}`];
}

/** As a client goes on: with what there is of the session, or anew. */
async function goOn(driver: StorageDriver): Promise<void> {
  if ((await contentAt(driver, link)) !== undefined) return;
  const { uploads } = driver;
  const found = await uploads.find('session01');
  let writer = found?.claimed
    ? await uploads.recover('session01', found.parts)
    : await uploads.claim('session01', found?.parts);
  if (writer.size < bytes.length) {
    await writer.write(Buffer.from(bytes.slice(writer.size)));
    writer = await uploads.claim('session01', await writer.finish());
  }
  await writer.commit(data, [file(link, 'link')]);
}

async function beginUpload(driver: StorageDriver): Promise<void> {
  const writer = await driver.uploads.claim('session01', undefined);
  await writer.write(Buffer.from('first part, '));
  await writer.finish();
}

const uploaded = async (driver: StorageDriver) =>
  (await is(link, 'link')(driver)) && (await is(data, bytes)(driver));

export const scenarios: readonly Scenario[] = [
  {
    name: 'set a tag',
    prepare: (driver) => driver.put([file('/t/index', 'old')], [file('/t/current', 'old')]),
    act: (driver) =>
      driver.put([file('/t/index', 'new'), file('/t/rev/x', 'new')], [file('/t/current', 'new')]),
    problems: async (driver) => {
      const whole = await is('/t/rev/x', 'new')(driver);
      if (!whole && (await is('/t/current', 'new')(driver))) return ['the tag is there too early'];
      return oneOf('/t/current', 'old', 'new')(driver);
    },
    isDone: is('/t/current', 'new'),
  },
  {
    name: 'create a file once',
    prepare: async () => {},
    act: async (driver) => void (await driver.create(file('/secret/s', 'secret'))),
    problems: oneOf('/secret/s', undefined, 'secret'),
    isDone: is('/secret/s', 'secret'),
  },
  {
    name: 'commit an upload of one body',
    prepare: async () => {},
    act: async (driver) => {
      const writer = await driver.uploads.claim('session01', undefined);
      await writer.write(Buffer.from(bytes));
      await writer.commit(data, [file(link, 'link')]);
    },
    problems: uploadProblems,
    isDone: uploaded,
  },
  {
    name: 'go on with an upload and commit it',
    prepare: beginUpload,
    act: goOn,
    problems: finishedProblems,
    isDone: uploaded,
  },
  {
    name: 'recover an upload from a dead writer and commit it',
    prepare: async (driver, root) => {
      await beginUpload(driver);
      const shard = join(root, 'holdfast/v1/uploads/01');
      const [finished = ''] = await readdir(shard);
      const left = join(shard, 'session01.12.open.deadbeef');
      await rename(join(shard, finished), left);
      await appendFile(left, 'bytes of a request that was never answered');
    },
    act: goOn,
    problems: finishedProblems,
    isDone: uploaded,
  },
  {
    name: 'heal a damaged blob',
    prepare: (driver) => driver.put([file(data, 'damaged')]),
    act: async (driver) => {
      const writer = await driver.uploads.claim('session02', undefined);
      await writer.write(Buffer.from(bytes));
      await writer.commit(data, [file(link, 'link')]);
    },
    problems: async (driver) => {
      const stored = await contentAt(driver, data);
      if (await is(link, 'link')(driver)) return stored === bytes ? [] : ['linked, and not healed'];
      return stored === bytes || stored === 'damaged' ? [] : [`the blob is ${stored}`];
    },
    isDone: uploaded,
  },
  {
    name: 'remove a file',
    prepare: (driver) => driver.put([file('/t/current/link', 'old')]),
    act: (driver) => driver.remove('/t/current/link'),
    problems: oneOf('/t/current/link', 'old', undefined),
    isDone: is('/t/current/link', undefined),
  },
  {
    name: 'compare and remove a file',
    prepare: (driver) => driver.put([file('/t/current/link', 'old')]),
    act: async (driver) => void (await driver.removeIf('/t/current/link', Buffer.from('old'))),
    problems: oneOf('/t/current/link', 'old', undefined),
    isDone: is('/t/current/link', undefined),
  },
  {
    name: 'compare and keep a file that changes meanwhile',
    prepare: (driver) => driver.put([file('/t/current/link', 'old')]),
    act: async (driver) => void (await driver.removeIf('/t/current/link', Buffer.from('old'))),
    disturb: async (driver, step) => {
      if (step.startsWith('acquire hold')) await driver.put([file('/t/current/link', 'newer')]);
    },
    problems: oneOf('/t/current/link', 'old', 'newer'),
    isDone: async () => true,
  },
  {
    name: 'cancel an upload',
    prepare: beginUpload,
    act: (driver) => driver.uploads.end('session01'),
    problems: async () => [],
    // The sweep forgets that there was a session.
    isDone: async (driver) => {
      try {
        return (await driver.uploads.find('session01')) === undefined;
      } catch (error) {
        return error instanceof SessionEnded;
      }
    },
  },
];
