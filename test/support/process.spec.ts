import { describe, expect, it } from '@jest/globals';

import { freePort } from './free-port.js';
import { run, RunningProcess, tryRun } from './process.js';

const script = (text: string) => RunningProcess.start(process.execPath, ['-e', text]);

describe('RunningProcess', () => {
  it('waits for a port and ends on SIGTERM', async () => {
    const port = await freePort();
    const child = await script(`require('node:net').createServer().listen(${port}, '127.0.0.1')`);
    await child.waitForPort(port);
    expect(await child.stop()).toEqual({ code: null, signal: 'SIGTERM' });
    expect(() => process.kill(child.pid, 0)).toThrow('ESRCH');
  });

  it('kills what does not end', async () => {
    const child = await script(
      `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('deaf')`,
    );
    await child.waitForLine(/^deaf$/);
    expect(await child.stop(100)).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('tells what a process wrote that ended too early', async () => {
    const child = await script(`console.error('no such folder'); process.exit(3)`);
    await expect(child.waitForLine(/ready/)).rejects.toThrow(/"code":3.*no such folder/);
  });
});

describe('run', () => {
  it('passes input and gives standard output', async () => {
    expect(await run('cat', [], { input: 'some text' })).toBe('some text');
  });

  it('fails with what the program wrote', async () => {
    await expect(run('sh', ['-c', 'echo broken >&2; exit 4'])).rejects.toThrow(
      /ended with 4:\nbroken/,
    );
    expect(await tryRun('sh', ['-c', 'exit 4'])).toEqual({ code: 4, stdout: '', stderr: '' });
  });
});
