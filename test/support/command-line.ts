type Word = string | number | readonly string[];

/**
 * The words of a command line written as a template: spaces in the text divide words, a value never does, and a list
 * stands for as many words as it has.
 */
export function commandLine(texts: TemplateStringsArray, ...values: readonly Word[]): string[] {
  const words: string[] = [];
  let word = '';
  const finish = () => {
    if (word !== '') words.push(word);
    word = '';
  };
  for (const [index, text] of texts.entries()) {
    const [first = '', ...others] = text.split(/\s+/);
    word += first;
    for (const other of others) {
      finish();
      word = other;
    }
    const value = values[index];
    if (typeof value === 'object') {
      finish();
      words.push(...value);
    } else word += value ?? '';
  }
  finish();
  return words;
}
