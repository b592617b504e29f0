import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { keptSecret, SigningSecrets } from '#content/uploads/signing-secrets.js';
import { MemoryDriver } from '#storage/memory/memory-driver.js';
import { StorageUnavailable } from '#storage/storage-driver.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { httpConfig } from './http-config.js';
import { HttpSecrets } from './http-secrets.js';

const driver = new MemoryDriver();

async function keysOf(...secrets: readonly string[]): Promise<readonly string[]> {
  return (await SigningSecrets.load(driver, secrets)).all;
}

describe('HttpSecrets', () => {
  let folder: string;
  let log: RecordingLog;
  let opened: HttpSecrets | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'secrets-'));
    log = new RecordingLog();
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  const open = async (keys: object) => {
    opened = await HttpSecrets.open(httpConfig.parse(keys), { driver, log });
    // The tests say when to look.
    opened.stop();
    return opened.signing;
  };
  const openFile = (file = join(folder, 'secrets')) => open({ secretfile: file });
  const said = () => log.lines.map(({ message }) => message);
  const look = () => opened?.watcher?.look();

  it.each([
    [{ secret: ' one\nand the same ' }, [' one\nand the same ']],
    [{ secrets: ['new', 'old'] }, ['new', 'old']],
  ])('takes %j as it is', async (keys, secrets) => {
    expect((await open(keys)).all).toEqual(await keysOf(...secrets));
  });

  it('takes each line of a file', async () => {
    await writeFile(join(folder, 'secrets'), '\nnew \r\n\n old one\n');
    expect((await openFile()).all).toEqual(await keysOf('new', 'old one'));
  });

  it.each([
    ['that is not there', undefined, 'ENOENT'],
    ['without a secret', ' \n\n', 'is empty'],
    ['that is too large', 'x'.repeat(65_537), 'larger than 64 KiB'],
    ['that is no text', Buffer.from([0xff, 0xfe, 0x80]), 'is not UTF-8 text'],
  ])('does not start with a file %s', async (_what, content, problem) => {
    const file = join(folder, 'secrets');
    if (content !== undefined) await writeFile(file, content);
    await expect(openFile()).rejects.toMatchObject({
      key: 'http.secretfile',
      message: expect.stringContaining(problem),
    });
  });

  it('follows the swap of a folder that Kubernetes puts the file in', async () => {
    for (const [version, secret] of [
      ['v1', 'old'],
      ['v2', 'new\nold'],
    ] as const) {
      await mkdir(join(folder, version));
      await writeFile(join(folder, version, 'secrets'), secret);
    }
    await symlink('v1', join(folder, '..data'));
    await symlink(join('..data', 'secrets'), join(folder, 'secrets'));
    const secrets = await openFile();
    await symlink('v2', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    await look();
    expect(secrets.all).toEqual(await keysOf('new', 'old'));
    expect(said()).toEqual(['secret file reloaded']);
  });

  it('keeps the old list where the new one cannot be used, and says so without telling it', async () => {
    const file = join(folder, 'secrets');
    await writeFile(file, 'old');
    const secrets = await openFile();
    for (const content of ['', Buffer.from('canary\xff', 'latin1')]) {
      await writeFile(file, content);
      await look();
    }
    await rm(file);
    await look();
    expect(secrets.all).toEqual(await keysOf('old'));
    expect(opened?.watcher?.failures).toBe(3);
    expect(said()).toEqual(
      Array.from({ length: 3 }, () => 'new secret file cannot be used; the old one stays'),
    );
    expect(JSON.stringify(log.lines)).not.toContain('canary');
    await writeFile(file, 'new');
    await look();
    expect(secrets.all).toEqual(await keysOf('new'));
  });
});

describe('HttpSecrets, when the configuration is read again,', () => {
  const replaced = async (before: object, now: object) => {
    const secrets = await HttpSecrets.open(httpConfig.parse(before), {
      driver,
      log: new RecordingLog(),
    });
    await secrets.reload(httpConfig.parse(now));
    secrets.stop();
    return secrets.signing.all;
  };

  it('are what it says now', async () => {
    expect(await replaced({ secret: 'old' }, { secrets: ['new', 'old'] })).toEqual(
      await keysOf('new', 'old'),
    );
  });

  interface Written {
    readonly secret?: string;
    readonly secrets?: string[];
    readonly secretfile?: string;
  }

  it.each<[Written, Written, string[]]>([
    [{}, { secret: 'new' }, ['new']],
    [{ secret: 'old' }, {}, ['kept']],
    [{ secret: 'old' }, { secretfile: 'file' }, ['one', 'two']],
    [{ secretfile: 'file' }, { secrets: ['new', 'one'] }, ['new', 'one']],
    [{ secretfile: 'file' }, {}, ['kept']],
    [{ secretfile: 'file' }, { secretfile: 'other' }, ['three']],
  ])('are what it says now, wherever they came from: %j, %j', async (before, now, all) => {
    const folder = await mkdtemp(join(tmpdir(), 'secrets-'));
    try {
      await writeFile(join(folder, 'file'), 'one\ntwo');
      await writeFile(join(folder, 'other'), 'three');
      const placed = ({ secretfile, ...keys }: Written) =>
        secretfile === undefined ? keys : { ...keys, secretfile: join(folder, secretfile) };
      const kept = await keptSecret(driver);
      expect(await replaced(placed(before), placed(now))).toEqual(
        await keysOf(...all.map((one) => (one === 'kept' ? kept : one))),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('follow the file that it names now, and no longer the one that it named', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'secrets-'));
    try {
      const [one, other] = ['one', 'other'].map((name) => join(folder, name)) as [string, string];
      await writeFile(one, 'first');
      await writeFile(other, 'second');
      const log = new RecordingLog();
      const secrets = await HttpSecrets.open(httpConfig.parse({ secretfile: one }), {
        driver,
        log,
      });
      const abandoned = secrets.watcher;
      await secrets.reload(httpConfig.parse({ secretfile: other }));
      await writeFile(one, 'first again');
      await writeFile(other, 'second again');
      await abandoned?.look();
      await secrets.watcher?.look();
      secrets.stop();
      expect(secrets.signing.all).toEqual(await keysOf('second again'));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('follow the file that it names now when it is read twice at a time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'secrets-'));
    try {
      const file = join(folder, 'file');
      await writeFile(file, 'first');
      const secrets = await HttpSecrets.open(httpConfig.parse({ secret: 'old' }), {
        driver,
        log: new RecordingLog(),
      });
      const reload = () => secrets.reload(httpConfig.parse({ secretfile: file }));
      await Promise.all([reload(), reload()]);
      secrets.stop();
      expect(secrets.signing.all).toEqual(await keysOf('first'));
      await writeFile(file, 'second');
      await secrets.watcher?.look();
      expect(secrets.signing.all).toEqual(await keysOf('second'));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('follow the last file where two are named one after the other', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'secrets-'));
    try {
      const files = ['one', 'other'].map((name) => join(folder, name));
      for (const file of files) await writeFile(file, 'first');
      const secrets = await HttpSecrets.open(httpConfig.parse({ secret: 'old' }), {
        driver,
        log: new RecordingLog(),
      });
      const watchers = await Promise.all(
        files.map(async (secretfile) => {
          await secrets.reload(httpConfig.parse({ secretfile }));
          return secrets.watcher;
        }),
      );
      await writeFile(files[1] ?? '', 'second');
      await secrets.watcher?.look();
      expect(secrets.signing.all).toEqual(await keysOf('second'));
      secrets.stop();
      expect(new Set(watchers).size).toBe(1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('are what the file holds that changes at that time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'secrets-'));
    try {
      const file = join(folder, 'file');
      await writeFile(file, 'first');
      const keys = { secretfile: file };
      const secrets = await HttpSecrets.open(httpConfig.parse(keys), {
        driver,
        log: new RecordingLog(),
      });
      secrets.stop();
      // Each time a bit later while the file is read.
      for (let turns = 0; turns < 30; turns++) {
        await writeFile(file, `secret ${String(turns)}`);
        const looked = secrets.watcher?.look();
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
        await Promise.all([looked, secrets.reload(httpConfig.parse(keys))]);
        expect(secrets.signing.all).toEqual(await keysOf(`secret ${String(turns)}`));
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each([1, 2])(
    'stay while what it says cannot be read, which is told, and are changed as soon as it can: read %d times',
    async (times) => {
      const log = new RecordingLog();
      let away = true;
      const storage = new MemoryDriver();
      const flaky = new Proxy(storage, {
        get: (target, name) => {
          if (name === 'create' && away) throw new StorageUnavailable('away');
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      const parsed = httpConfig.parse({ secret: 'old' });
      const secrets = await HttpSecrets.open(parsed, { driver: flaky, log });
      try {
        for (let time = 0; time < times; time++) await secrets.reload(httpConfig.parse({}));
        expect(secrets.signing.all).toEqual(await keysOf('old'));
        expect(log.lines.map(({ message }) => message)).toContain(
          'HTTP secrets cannot be read; the old ones stay',
        );
        away = false;
        const kept = await keysOf(await keptSecret(storage));
        const end = performance.now() + 20_000;
        while (secrets.signing.all[0] !== kept[0] && performance.now() < end) await delay(10);
        expect(secrets.signing.all).toEqual(kept);
      } finally {
        secrets.stop();
      }
    },
    30_000,
  );
});
