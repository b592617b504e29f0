import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';

import { StartupError } from '../startup-error.js';

/** Bytes. */
const largestFile = 64 * 1024;

/** The secrets in a file, one on each line. @throws {StartupError} */
export async function readSecretFile(file: string): Promise<readonly string[]> {
  const secrets = (await readText(file))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (secrets.length === 0) throw new StartupError('http.secretfile', `${file} is empty`);
  return secrets;
}

async function readText(file: string): Promise<string> {
  try {
    const bytes = await readBytes(file);
    if (!isUtf8(bytes)) throw new Error(`${file} is not UTF-8 text`);
    return bytes.toString('utf8');
  } catch (error) {
    throw new StartupError('http.secretfile', `cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** No more than a list of secrets can have, whatever it is that was given in its place. */
async function readBytes(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(largestFile + 1), { position: 0 });
    if (bytesRead > largestFile) throw new Error(`${file} is larger than 64 KiB`);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
