import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { RangeInvalid } from '#oci/errors.js';

import { parseContentRange, parseRange } from './byte-ranges.js';

describe('Range', () => {
  it.each([
    ['bytes=0-0', 10, 0, 0],
    ['bytes=0-', 10, 0, 9],
    ['bytes=3-5', 10, 3, 5],
    ['bytes=9-9', 10, 9, 9],
    ['bytes=3-99', 10, 3, 9],
    ['bytes=-1', 10, 9, 9],
    ['bytes=-10', 10, 0, 9],
    ['bytes=-99', 10, 0, 9],
    ['Bytes = 3-5', 10, 3, 5],
    ['bytes=0-4,5-9', 10, 0, 9],
    ['bytes=5-9, 0-4', 10, 0, 9],
    ['bytes=0-6,3-9', 10, 0, 9],
    ['bytes=0-4,20-', 10, 0, 4],
    ['bytes=0-99999999999999999999999', 10, 0, 9],
  ])('%s of %d bytes is %d to %d', (header, size, start, end) => {
    expect(parseRange(header, size)).toEqual({ start, end });
  });

  it.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=,',
    'bytes=0-4,',
    'bytes=a-',
    'bytes=-a',
    'bytes=1',
    'bytes=1-2-3',
    'bytes=1--2',
    'bytes=0x0-1',
    'bytes=1.0-2',
    'bytes=+1-2',
    'bytes=1-2=3',
    'items=0-1',
    'bytes=0-1,5-6',
    `bytes=${'0-1,'.repeat(300)}0-1`,
  ])('%s asks for all', (header) => {
    expect(parseRange(header, 10)).toBeUndefined();
  });

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=5-4', 'bytes=-0', 'bytes=99-,-0'])(
    '%s asks for nothing that is there',
    (header) => {
      expect(() => parseRange(header, 10)).toThrow(RangeInvalid);
    },
  );

  it('of no bytes asks for nothing, whatever it asks for', () => {
    for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) {
      expect(() => parseRange(header, 0)).toThrow(RangeInvalid);
    }
  });

  it('never leaves the content, whatever the header', () => {
    const header = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^bytes=[0-9, -]{0,20}$/),
    );
    fc.assert(
      fc.property(header, fc.nat({ max: 30 }), (text, size) => {
        const range = (() => {
          try {
            return parseRange(text, size);
          } catch (error) {
            if (error instanceof RangeInvalid) return undefined;
            throw error;
          }
        })();
        const { start, end } = range ?? { start: 0, end: size - 1 };
        const inside = start >= 0 && end < size && start <= end;
        expect(inside || range === undefined).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('Content-Range', () => {
  it.each([
    ['0-0', 0, 1],
    ['0-99', 0, 100],
    ['100-199', 100, 100],
    ['bytes 0-99/*', 0, 100],
    ['bytes 0-99/1000', 0, 100],
    ['bytes=0-99', 0, 100],
  ])('%s begins at %d and has %d bytes', (header, start, length) => {
    expect(parseContentRange(header)).toEqual({ start, length });
  });

  it.each(['', '-', '0', '0-', '-9', '9-0', 'a-b', '0-9-', ' 0-9', '0-9 ', '0-9\n', '1e1-2e1'])(
    '%j is none',
    (header) => {
      expect(() => parseContentRange(header)).toThrow(RangeInvalid);
    },
  );

  it.each(['+0-9', '0x0-0x9', 'items 0-9', `0-${'9'.repeat(16)}`, '0-9/', '0-9,10-19'])(
    '%j is none',
    (header) => {
      expect(() => parseContentRange(header)).toThrow(RangeInvalid);
    },
  );

  it('may be missing', () => {
    expect(parseContentRange(undefined)).toBeUndefined();
  });

  it('takes no time to refuse 64 KiB', () => {
    const started = process.cpuUsage();
    expect(() => parseContentRange('9'.repeat(65_536))).toThrow(RangeInvalid);
    expect(parseRange('bytes=' + '0-'.repeat(32_768), 10)).toBeUndefined();
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(20);
  });
});
