const milliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's `time.ParseDuration`, in milliseconds; a bare number counts nanoseconds, as in Go's YAML. */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?\d{1,18}$/.test(text)) return Number(text) * 1e-6;
  const sign = text.startsWith('-') ? -1 : 1;
  const amount = /(\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(ns|us|µs|μs|ms|s|m|h)/y;
  amount.lastIndex = /^[+-]/.test(text) ? 1 : 0;
  if (amount.lastIndex === text.length) return undefined;
  let total = 0;
  while (amount.lastIndex < text.length) {
    const found = amount.exec(text);
    if (found === null) return undefined;
    total += Number(found[1]) * (milliseconds[found[2] ?? ''] ?? NaN);
  }
  return sign * total;
}
