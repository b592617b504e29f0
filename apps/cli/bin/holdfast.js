#!/usr/bin/env node
// Plain JavaScript that Node 20 understands too: it finds a Node that runs the rest.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const main = join(root, 'dist', 'holdfast', 'holdfast.js');
const relayed = ['SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGQUIT'];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 9)) {
  runOnNewerNode();
} else if (!existsSync(main)) {
  fail('it is not built yet; run: npm run build');
} else {
  // As the workers have it (workers/starting-worker.ts). The size of the young generation cannot be set any more in a process that runs;
  // that it never grows can, and saves 25 MB. Who sets a size on the command line gets it.
  v8.setFlagsFromString('--no-parallel-scavenge');
  v8.setFlagsFromString('--heap-growing-percent=40');
  if (!process.execArgv.some((option) => option.includes('semi-space'))) {
    v8.setFlagsFromString('--semi-space-growth-factor=1');
  }
  // In a folder of our own: what lies in it is executed, so it must not be one that everybody can write to.
  module.enableCompileCache(join(root, 'dist', '.compile-cache'));
  await import('../../../dist/holdfast/holdfast.js');
}

function runOnNewerNode() {
  const node = nodeFromNpm();
  if (node === undefined) {
    return fail(
      `it needs Node 24.9 or newer and this is ${process.versions.node}; run npm ci, which brings one, or install Node 24`,
    );
  }
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of relayed) process.on(signal, () => child.kill(signal));
  // At a terminal the child gets this one from the terminal itself.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => fail(`${node} does not start: ${error.message}`));
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
  });
}

/** npm puts it beside the other commands of the package, or of the one that depends on it. */
function nodeFromNpm() {
  for (let folder = root; ; folder = dirname(folder)) {
    const node = join(folder, 'node_modules', '.bin', 'node');
    if (existsSync(node)) return node;
    if (folder === dirname(folder)) return undefined;
  }
}

function fail(reason) {
  process.stderr.write(`holdfast: ${reason}\n`);
  process.exitCode = 1;
}
