import { readFileSync } from 'node:fs';

import { StartupError } from '../startup-error.js';
import type { HttpConfig } from './http-config.js';

/** What signs the state of uploads: the first signs, all verify. Empty where the storage shall keep one. */
export function signingSecrets({
  secret,
  secrets,
  secretfile,
}: Pick<HttpConfig, 'secret' | 'secrets' | 'secretfile'>): readonly string[] {
  if (secretfile !== undefined) return [readSecret(secretfile)];
  return [...(secret === undefined ? [] : [secret]), ...secrets].map((one) => one.reveal());
}

function readSecret(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new StartupError('http.secretfile', `cannot read ${file} (${(error as Error).message})`, {
      cause: error,
    });
  }
  if (text === '') throw new StartupError('http.secretfile', `${file} is empty`);
  return text;
}
