import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Secret } from '#config/secret.js';

import { ProcessLog } from './create-log.js';
import type { LogConfig, LogLevel } from './log-config.js';

interface Settings {
  readonly level?: LogLevel;
  readonly formatter?: LogConfig['formatter'];
  readonly fields?: LogConfig['fields'];
}

const now = () => new Date('2026-01-02T03:04:05.678Z');

function logTo(lines: string[], settings: Settings = {}) {
  return ProcessLog.create(
    { level: 'debug', formatter: 'text', fields: {}, ...settings },
    { destination: { write: (line) => lines.push(line) }, now },
  );
}

function written(settings: Settings, act: (log: ProcessLog) => void): string {
  const lines: string[] = [];
  act(logTo(lines, settings));
  return lines.join('');
}

describe('ProcessLog', () => {
  it('writes text for people', () => {
    const text = written({ fields: { service: 'registry' } }, (log) => {
      log.info({ repository: 'library/alpine', size: 12, note: 'two words' }, 'blob pushed');
    });
    expect(text).toBe(
      '2026-01-02T03:04:05.678Z INFO  blob pushed service=registry repository=library/alpine size=12 note="two words"\n',
    );
  });

  it('writes JSON', () => {
    const text = written({ formatter: 'json', fields: { service: 'registry' } }, (log) => {
      log.child({ id: 1 }).warn({ size: 12 }, 'slow');
    });
    expect(text.endsWith('\n')).toBe(true);
    expect(JSON.parse(text)).toEqual({
      level: 'warn',
      time: '2026-01-02T03:04:05.678Z',
      service: 'registry',
      id: 1,
      size: 12,
      msg: 'slow',
    });
  });

  it('writes what logstash expects, and keeps its own names to itself', () => {
    const text = written({ formatter: 'logstash' }, (log) => {
      log.error({ level: 'of a flight', message: 'hello' }, 'odd fields');
    });
    expect(JSON.parse(text)).toEqual({
      level: 'error',
      '@timestamp': '2026-01-02T03:04:05.678Z',
      '@version': '1',
      message: 'odd fields',
      'fields.level': 'of a flight',
      'fields.message': 'hello',
    });
  });

  it('keeps to its level, and changes it for its children too', () => {
    const lines: string[] = [];
    const log = logTo(lines, { level: 'warn' });
    const child = log.child({ part: 'child' });
    child.info({}, 'unseen');
    log.level = 'debug';
    expect(child.debugEnabled).toBe(true);
    child.debug({}, 'seen');
    log.level = 'error';
    child.warn({}, 'unseen again');
    child.error({}, 'last');
    expect(lines.map((line) => line.split(' ').at(-2))).toEqual(['seen', 'last']);
  });

  it('prints what knows how to print itself, and errors with their calls', () => {
    class Digest {
      toString(): string {
        return 'sha256:abc';
      }
    }
    const failure = new Error('no\nspace', { cause: new RangeError('deeper') });
    const text = written({}, (log) => {
      log.error({ digest: new Digest(), secret: new Secret('canary'), error: failure }, 'failed');
    });
    const [first = '', ...calls] = text.trimEnd().split('\n');
    expect(first).toContain('digest=sha256:abc secret=****** error="Error: no\\u000aspace"');
    expect(first).toContain('deeper');
    expect(calls.length).toBeGreaterThan(1);
    expect(calls.every((call) => call.startsWith('    at '))).toBe(true);
  });

  it.each(['text', 'json', 'logstash'] as const)(
    'keeps lines whole in %s, whatever comes',
    (formatter) => {
      const hostile = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 3000 }),
        fc.constantFrom(
          '\r\nINFO forged',
          '\u001b[2J\u001b]0;title\u0007',
          '\u202egnp.exe',
          '\u0085next',
        ),
      );
      fc.assert(
        fc.property(fc.dictionary(hostile, hostile, { maxKeys: 5 }), hostile, (fields, value) => {
          const text = written({ formatter }, (log) =>
            log.info({ ...fields, value, list: [value] }, 'event'),
          );
          expect(text.indexOf('\n')).toBe(text.length - 1);
          // oxlint-disable-next-line no-control-regex
          expect(text.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
        }),
      );
    },
  );

  it('cuts long values', () => {
    const text = written({}, (log) => log.info({ agent: 'x'.repeat(1_000_000) }, 'event'));
    expect(text.length).toBeLessThan(1200);
  });

  it.each([
    [
      'https://registry.example.com/v2/a/blobs/uploads/1?_state=canary&digest=sha256:0',
      'digest=sha256:0',
    ],
    ['/v2/a/blobs/uploads/1?%5fstate=canary', '/v2/a/blobs'],
    ['https://b.example.com/x?X-Amz-Signature=canary&X-Amz-Credential=canary', 'b.example.com/x'],
    ['https://b.example.com/x?sv=1&sig=canary', 'sv=1'],
    ['connect to https://user:canary@host.example.com/path failed', 'host.example.com/path'],
    ['redis://:can@ry@host:6379', 'host:6379'],
    ['got Authorization: Basic canary==', 'Basic'],
    ['bearer canary.canary.canary', 'bearer'],
  ])('hides what is secret in %s', (value, kept) => {
    for (const formatter of ['text', 'json'] as const) {
      const text = written({ formatter }, (log) => {
        log.debug({ value, deep: { list: [value] }, error: new Error(value) }, 'event');
      });
      expect(text).not.toContain('canary');
      expect(text).not.toContain('can@ry');
      expect(text).toContain(kept);
    }
  });

  it('hides fields whose names say that they are secret', () => {
    const text = written({}, (log) => {
      log.info(
        { headers: { Authorization: 'canary', 'Set-Cookie': ['canary'] }, password: 'canary' },
        'event',
      );
    });
    expect(text).not.toContain('canary');
  });

  it('takes cyclic, deep and odd values', () => {
    const cycle: Record<string, unknown> = {
      nothing: null,
      big: 1n,
      date: new Date(0),
      call: () => 1,
    };
    cycle['self'] = cycle;
    const text = written({ formatter: 'json' }, (log) => log.info({ cycle }, 'event'));
    expect(JSON.parse(text)).toMatchObject({
      cycle: { nothing: null, big: '1', date: '1970-01-01T00:00:00.000Z' },
    });
  });
});
