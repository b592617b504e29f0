import { inspect } from 'node:util';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { z } from 'zod';

import { parseDuration } from './duration.js';
import { bool, duration, headers, integer, secret, section, size } from './values.js';

const complaint = (schema: z.ZodType, value: unknown) =>
  schema.safeParse(value).error?.issues.map((issue) => issue.message);

describe('duration', () => {
  it.each([
    ['10s', 10_000],
    ['168h', 604_800_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['100ms', 100],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['-1s', -1000],
    ['+1s', 1000],
    ['0', 0],
    ['5000000', 5],
    [5_000_000, 5],
  ])('reads %p as Go does', (text, ms) => {
    expect(duration().parse(text)).toBeCloseTo(ms, 9);
  });

  it.each(['', 's', '10 s', '10S', '1d', '1h 30m', '1h30', 'h1', '--1s', '1e3s'])(
    'refuses %p',
    (text) => {
      expect(complaint(duration(), text)).toEqual([
        'expected a duration such as 10s, 168h or 1h30m',
      ]);
    },
  );

  it('keeps to its bounds', () => {
    expect(complaint(duration({ min: 1000 }), '10ms')).toEqual([
      'expected a duration such as 10s, 168h or 1h30m, at least 1000 ms',
    ]);
  });

  it('adds up any sequence of amounts', () => {
    const amount = fc.tuple(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom('ms', 's', 'm', 'h'));
    const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
    fc.assert(
      fc.property(fc.array(amount, { minLength: 1, maxLength: 5 }), (amounts) => {
        const text = amounts.map(([number, unit]) => `${number}${unit}`).join('');
        const sum = amounts.reduce(
          (total, [number, unit]) => total + number * factor[unit as 's'],
          0,
        );
        expect(parseDuration(text)).toBe(sum);
      }),
    );
  });
});

describe('size', () => {
  it.each([
    ['10MB', 10 * 1024 ** 2],
    ['10m', 10 * 1024 ** 2],
    ['64KiB', 65_536],
    ['64 KB', 65_536],
    ['1.5G', 1.5 * 1024 ** 3],
    ['5242880', 5_242_880],
    ['0', 0],
    [7, 7],
  ])('reads %p', (text, bytes) => {
    expect(size().parse(text)).toBe(bytes);
  });

  it.each(['', '-1', 'MB', '1.0001', '10XB', '1e6', '10 M B'])('refuses %p', (text) => {
    expect(complaint(size(), text)).toEqual(['expected a size such as 10MB, 64KiB or 5242880']);
  });
});

describe('bool', () => {
  it.each([
    [true, true],
    ['true', true],
    ['1', true],
    ['on', true],
    ['False', false],
    ['no', false],
    ['0', false],
  ])('reads %p as %p', (text, truth) => {
    expect(bool().parse(text)).toBe(truth);
  });

  it.each(['', 'maybe', 'tRUE', '2'])('refuses %p', (text) => {
    expect(complaint(bool(), text)).toEqual(['expected true or false']);
  });
});

describe('integer', () => {
  it.each(['1.5', '1e3', '', 'one', '99999999999999999'])('refuses %p', (text) => {
    expect(complaint(integer(), text)).toEqual(['expected a whole number']);
  });

  it('keeps to its bounds', () => {
    expect(integer({ min: 25 }).parse('25')).toBe(25);
    expect(complaint(integer({ min: 25 }), '24')).toEqual(['expected a whole number, at least 25']);
  });
});

describe('secret', () => {
  it('shows itself only when asked', () => {
    const value = secret().parse('hunter2');
    expect(value.reveal()).toBe('hunter2');
    for (const shown of [`${value.toString()}`, JSON.stringify({ value }), inspect({ value })]) {
      expect(shown).not.toContain('hunter2');
      expect(shown).toContain('******');
    }
  });
});

describe('headers', () => {
  it('takes one value or several', () => {
    expect(headers().parse({ 'X-A': 'one', 'X-B': ['one', 'two'] })).toEqual({
      'X-A': ['one'],
      'X-B': ['one', 'two'],
    });
  });

  it.each([
    [{ 'X-A': 'one\r\nX-B: two' }, 'X-A', 'expected a value that a header can have'],
    [{ 'X-A': ['one', 'two\0'] }, 'X-A', 'expected a value that a header can have'],
    [{ 'X A': 'one' }, 'X A', 'expected a name that a header can have'],
    [
      { 'content-Length': '1' },
      'content-Length',
      'expected another header: each message has its own',
    ],
  ])('refuses %j, by name', (map, name, message) => {
    const issues = headers().safeParse(map).error?.issues ?? [];
    expect(issues.map(({ path }) => path)).toEqual([[name]]);
    expect(issues[0]?.message).toContain(message);
    expect(issues[0]?.message).not.toContain('two');
  });
});

describe('section', () => {
  it('is there with its defaults when the file says nothing of it', () => {
    const outer = section({
      inner: section({ age: duration().prefault('1m'), on: bool().default(true) }),
    });
    expect(outer.parse(undefined)).toEqual({ inner: { age: 60_000, on: true } });
    expect(outer.parse({ inner: { on: 'false' } })).toEqual({ inner: { age: 60_000, on: false } });
  });
});
