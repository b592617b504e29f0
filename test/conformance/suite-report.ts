export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const escapes: Readonly<Record<string, string>> = {
  '&#xA;': '\n',
  '&#34;': '"',
  '&#39;': "'",
  '&quot;': '"',
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
};

/** The totals that suite 1.1.1 prints in its last lines, without their colours. */
export function ginkgoTotals(output: string): Totals {
  // oxlint-disable-next-line no-control-regex -- the colours are control characters
  const plain = output.replaceAll(/\u001B\[[\d;]*m/g, '');
  const [, passed, failed, skipped] =
    /(\d+) Passed \| (\d+) Failed \| \d+ Pending \| (\d+) Skipped/.exec(plain) ?? [];
  if (passed === undefined) throw new Error(`the suite printed no totals:\n${plain.slice(-4000)}`);
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
}

/** The totals under "OCI Conformance Result". The suite's exit code is 0 when its configuration is wrong, so it says nothing. */
export function mainTotals(output: string): Totals {
  const result = output.slice(output.indexOf('OCI Conformance Result'));
  const count = (status: string): number => {
    const [, number] = new RegExp(`^ *${status}\\.*: +(\\d+)$`, 'm').exec(result) ?? [];
    if (number === undefined)
      throw new Error(`the suite printed no totals:\n${output.slice(-4000)}`);
    return Number(number);
  };
  return { passed: count('Pass'), failed: count('FAIL') + count('Error'), skipped: count('Skip') };
}

/** One broken request fails many cases: so many are shown whole, the rest is counted. */
const shown = 20;

/** Name, message and exchange of the cases of a `junit.xml` whose status is one of these. */
export function casesThatDidNotPass(junit: string, statuses: RegExp): string[] {
  const cases = [...junit.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)]
    .filter(([, attributes = '']) => statuses.test(attribute(attributes, 'status')))
    .map(([, attributes = '', body = '']) => {
      const [, message] =
        /<failure message="([^"]*)"/.exec(body) ??
        /<system-out>(.*?)<\/system-out>/s.exec(body) ??
        [];
      const [, exchange] = /<system-err>(=.*?)<\/system-err>/s.exec(body) ?? [];
      return [attribute(attributes, 'name'), message, exchange?.slice(0, 3000)]
        .filter((part) => part !== undefined)
        .map(unescapeXml)
        .join('\n    ');
    });
  const more = cases.length - shown;
  return more > 0 ? [...cases.slice(0, shown), `and ${more} more`] : cases;
}

function attribute(attributes: string, name: string): string {
  return new RegExp(`${name}="([^"]*)"`).exec(attributes)?.[1] ?? '';
}

function unescapeXml(text: string): string {
  return text.replaceAll(
    /&(?:#xA|#34|#39|quot|lt|gt|amp);/g,
    (escape) => escapes[escape] ?? escape,
  );
}
