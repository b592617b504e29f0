const units: Readonly<Record<string, number>> = {
  '': 1,
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};

/** Bytes from `5242880`, `64KiB`, `10MB`, `1.5g`. Distribution's `10MB` is 10 × 1024 × 1024, so `MB` and `MiB` are the same. */
export function parseSize(text: string): number | undefined {
  const found = /^(\d{1,15}(?:\.\d{1,9})?)\s?(?:([KMGT])i?)?B?$/i.exec(text);
  if (found === null) return undefined;
  const bytes = Number(found[1]) * (units[(found[2] ?? '').toUpperCase()] ?? NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
