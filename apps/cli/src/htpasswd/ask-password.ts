import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

import { CommandError } from '../failure.js';

/** Asks at the terminal, without showing what is typed. */
export async function askPassword(question: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new CommandError('there is no terminal to ask for the password; use -i or -b', 2);
  }
  process.stderr.write(question);
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silence, terminal: true });
  try {
    const interrupted = new Promise<never>((_resolve, reject) => {
      terminal.once('SIGINT', () => reject(new CommandError('interrupted', 4)));
    });
    return await Promise.race([terminal.question(''), interrupted]);
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}

/** The first line of the standard input. */
export async function readPassword(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += String(chunk);
    if (text.includes('\n') || text.length > 4096) break;
  }
  return text.split('\n', 1)[0]?.replace(/\r$/, '') ?? '';
}
