import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { freePort } from '../support/free-port.js';
import { holdfastCommand as bin, noVariables, runHoldfast } from '../support/holdfast-command.js';
import { projectRoot } from '../support/holdfast.js';
import { RunningProcess, tryRun, type RunOptions } from '../support/process.js';
import { TempDir } from '../support/temp-dir.js';

jest.setTimeout(60_000);

let folder: TempDir;
beforeAll(async () => {
  folder = await TempDir.create('cli');
});
afterAll(() => folder.remove());

const holdfast = (args: readonly string[], options: RunOptions = {}) =>
  runHoldfast(args, { cwd: folder.path, ...options });

/** A file of this name with these lines, below the version that every configuration has. */
async function configFile(name: string, ...lines: readonly string[]): Promise<string> {
  const path = folder.join(name);
  await writeFile(path, ['version: 0.1', ...lines, ''].join('\n'));
  return path;
}

describe('holdfast', () => {
  it('says its version', async () => {
    const { version } = JSON.parse(await readFile(`${projectRoot}package.json`, 'utf8')) as {
      version: string;
    };
    expect((await holdfast(['--version'])).stdout).toBe(`${version}\n`);
    expect((await holdfast(['version'])).stdout).toContain(`holdfast ${version} (Node `);
  });

  it('is registry too', async () => {
    await symlink(bin, folder.join('registry'));
    const { code, stdout } = await tryRun(
      process.execPath,
      [folder.join('registry'), 'config', 'check'],
      {
        cwd: folder.path,
        env: noVariables,
      },
    );
    expect([code, stdout]).toEqual([0, 'the defaults and the environment: good\n']);
  });

  it('fails where it does not know the command', async () => {
    const { code, stderr } = await holdfast(['sevre']);
    expect(code).toBe(1);
    expect(stderr).toContain("unknown command 'sevre'");
    expect(stderr).toContain('serve');
  });

  describe('started by an older Node', () => {
    let older: readonly string[];
    beforeAll(async () => {
      const disguise = folder.join('disguise.mjs');
      await writeFile(
        disguise,
        "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });\n",
      );
      older = ['--import', disguise];
    });

    it('runs itself again with the Node from npm', async () => {
      const args = [...older, bin, 'version'];
      const { code, stdout } = await tryRun(process.execPath, args, { env: noVariables });
      expect(code).toBe(0);
      expect(stdout).toMatch(/\(Node 2[4-9]\./);
    });

    it('passes on the exit code', async () => {
      const args = [...older, bin, 'config', 'check', '/there/is/none.yml'];
      expect((await tryRun(process.execPath, args, { env: noVariables })).code).toBe(1);
    });

    it('passes on signals', async () => {
      const port = await freePort();
      const config = await configFile(
        'old.yml',
        `http: { addr: "127.0.0.1:${port}", drainwait: 0s }`,
        'storage: inmemory',
      );
      const running = await RunningProcess.start(
        process.execPath,
        [...older, bin, 'serve', config],
        {
          cwd: folder.path,
          env: noVariables,
        },
      );
      await running.waitForLine(/^Holdfast serves/);
      expect(await running.stop()).toEqual({ code: 0, signal: null });
    });

    it('says what to install where npm brought none', async () => {
      const copy = await packageCopy('bare');
      const { code, stderr } = await tryRun(process.execPath, [...older, copy, 'version'], {
        env: noVariables,
      });
      expect(code).toBe(1);
      expect(stderr).toBe(
        'holdfast: it needs Node 24.9 or newer and this is 20.1.0; run npm ci, which brings one, or install Node 24\n',
      );
    });
  });

  it('says how to build it where it is not built', async () => {
    const { code, stderr } = await tryRun(
      process.execPath,
      [await packageCopy('unbuilt'), 'version'],
      {
        env: noVariables,
      },
    );
    expect([code, stderr]).toEqual([1, 'holdfast: it is not built yet; run: npm run build\n']);
  });

  /** The command without what npm and the compiler add to it. */
  async function packageCopy(name: string): Promise<string> {
    await mkdir(folder.join(name, 'apps/cli/bin'), { recursive: true });
    await writeFile(folder.join(name, 'package.json'), '{ "type": "module" }');
    const copy = folder.join(name, 'apps/cli/bin/holdfast.js');
    await copyFile(bin, copy);
    return copy;
  }
});

describe('holdfast config', () => {
  it('checks a good file, warnings and all', async () => {
    const path = await configFile('good.yml', 'loglevel: debug');
    expect(await holdfast(['config', 'check', path])).toEqual({
      code: 0,
      stdout: `warning: loglevel is outdated: write log.level\n${path}: good\n`,
      stderr: '',
    });
  });

  it('says all that is wrong, one line each', async () => {
    const path = await configFile(
      'bad.yml',
      'http: { adr: x, draintimeout: soon, secret: [canary] }',
    );
    const { code, stdout, stderr } = await holdfast(['config', 'check', path]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.split('\n')).toEqual([
      'holdfast: http.adr is not a known key; did you mean http.addr?',
      'holdfast: http.secret: expected one value, not a list or a section',
      'holdfast: http.draintimeout is "soon": expected a duration such as 10s, 168h or 1h30m',
      '',
    ]);
  });

  it('prints what applies and where it comes from, without secrets', async () => {
    const path = await configFile('print.yml', 'http: { secret: canary, addr: "localhost:1" }');
    const { stdout } = await holdfast(['config', 'print'], {
      env: { ...noVariables, REGISTRY_CONFIGURATION_PATH: path, REGISTRY_HTTP_ADDR: 'localhost:2' },
    });
    expect(stdout).toMatch(/^ {2}addr: "localhost:2" +# environment REGISTRY_HTTP_ADDR$/m);
    expect(stdout).toMatch(/^ {2}secret: "\*{6}" +# file$/m);
    expect(stdout).toMatch(/^ {4}rootdirectory: \/var\/lib\/registry +# default$/m);
    expect(stdout).not.toContain('canary');
  });

  it('gives the JSON Schema', async () => {
    const { stdout } = await holdfast(['config', 'schema']);
    expect(stdout).toBe(await readFile(`${projectRoot}docs/configuration.schema.json`, 'utf8'));
  });
});

describe('holdfast serve', () => {
  /** The one line that says why it does not start. */
  async function refusal(...lines: readonly string[]): Promise<string> {
    const { code, stderr, stdout } = await holdfast([
      'serve',
      await configFile('serve.yml', ...lines),
    ]);
    expect(code).toBe(1);
    expect(stdout).not.toMatch(/^\s+at /m);
    expect(stderr).toMatch(/^holdfast: [^\n]+\n$/);
    return stderr;
  }

  it('names the key when the port is taken', async () => {
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => {
        const address = other.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    const line = await refusal('storage: inmemory', `http: { addr: "127.0.0.1:${port}" }`);
    other.close();
    expect(line).toContain('http.addr');
    expect(line).toContain(String(port));
  });

  it('names the key when the folder cannot be written to', async () => {
    await writeFile(folder.join('a-file'), '');
    const root = folder.join('a-file/root');
    const line = await refusal(
      `storage: { filesystem: { rootdirectory: ${root} } }`,
      'http: { addr: "127.0.0.1:0" }',
    );
    expect(line).toContain('storage.filesystem.rootdirectory');
    expect(line).toContain(root);
  });

  it('names the key when the certificate is none', async () => {
    const path = folder.join('no.pem');
    await writeFile(path, 'no certificate');
    const line = await refusal(
      'storage: inmemory',
      `http: { addr: "127.0.0.1:0", tls: { certificate: ${path}, key: ${path} } }`,
    );
    expect(line).toContain('http.tls.');
  });

  it('names the key that nobody knows', async () => {
    expect(await refusal('htttp: {}')).toBe(
      'holdfast: htttp is not a known key; did you mean http?\n',
    );
  });

  it('changes its log level on SIGHUP, and says what waits for a restart', async () => {
    const port = await freePort();
    const settings = (level: string, maxtags: number) =>
      configFile(
        'reload.yml',
        `log: { level: ${level} }`,
        'storage: inmemory',
        `http: { addr: "127.0.0.1:${port}", drainwait: 0s, workers: 1 }`,
        `tags: { maxtags: ${maxtags} }`,
      );
    const running = await RunningProcess.start(
      process.execPath,
      [bin, 'serve', await settings('error', 1)],
      { cwd: folder.path, env: noVariables },
    );
    try {
      await running.waitForPort(port);
      let maxtags = 1;
      // What waits for a restart is a warning: it shows once the level has changed.
      await running.waitUntil('a warning about tags.maxtags', async () => {
        await settings('warn', ++maxtags);
        running.signal('SIGHUP');
        return running.output.includes('tags.maxtags');
      });
      expect(running.output).toMatch(/ WARN .*restart.*tags\.maxtags/);
    } finally {
      await running.stop();
    }
  });
});
