import { distance } from 'fastest-levenshtein';

import type { KeyPath } from './key-tree.js';

/** `http.tls.clientcas[0]`. A name that is not a word is not repeated: it may be anything, a secret too. */
export function keyText(path: KeyPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += (text === '' ? '' : '.') + nameText(step);
  }
  return text;
}

/** The known word that somebody most likely meant, if any is close. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const steps = distance(word.toLowerCase(), candidate.toLowerCase());
    if (steps < least) [best, least] = [candidate, steps];
  }
  return best;
}

function nameText(name: string): string {
  return /^[\w./@-]{1,100}$/.test(name) ? name : '(a name that is not a word)';
}
