import { writeFile } from 'node:fs/promises';

import { hash } from 'bcrypt';

/** Writes an htpasswd file with these passwords, at a cost that does not slow a test down. */
export async function writeHtpasswd(
  path: string,
  passwords: Readonly<Record<string, string>>,
  cost = 4,
): Promise<void> {
  const lines = Object.entries(passwords).map(
    async ([user, password]) => `${user}:${await hash(password, cost)}\n`,
  );
  await writeFile(path, (await Promise.all(lines)).join(''));
}

/** The value of `Authorization`. */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
