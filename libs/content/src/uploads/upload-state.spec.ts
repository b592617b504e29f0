import { createHmac, randomBytes } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Digest } from '#oci/digest.js';
import { BlobUploadUnknown } from '#oci/errors.js';
import { parseRepositoryName } from '#oci/repository-name.js';

import { signState, type UploadState, verifyState } from './upload-state.js';

const secret = '1'.repeat(64);
const state: UploadState = {
  name: parseRepositoryName('a/b'),
  session: '0'.repeat(48),
  subject: 'alice',
  parts: { size: 12_345_678_901, token: 'abc' },
  claimed: true,
  digest: Digest.of(Buffer.from('x')),
  algorithm: 'sha512',
  expires: 1000,
};
const expected = { name: state.name, session: state.session, subject: state.subject };
const token = signState(secret, state);
const verify = (text: string, now = 0, secrets = [secret]) =>
  verifyState(secrets, text, expected, now);

const because = (reason: string): Error =>
  expect.objectContaining({ detail: { reason: expect.stringContaining(reason) } }) as never;

/** What somebody could send who had the secret, or an older program that has it. */
function signed(body: Buffer | string): string {
  const mac = createHmac('sha256', secret).update('state\0').update(body).digest();
  return Buffer.concat([mac, Buffer.from(body)]).toString('base64url');
}

describe('upload state (row H7)', () => {
  it('comes back as it was signed', () => {
    expect(verify(token)).toEqual(state);
    const first = { ...state, parts: undefined, claimed: false, digest: undefined };
    expect(verify(signState(secret, first))).toEqual(first);
  });

  it('is small', () => {
    const longest = {
      ...state,
      name: parseRepositoryName('a'.repeat(255)),
      subject: '\u{1f600}'.repeat(4000),
      digest: Digest.of(Buffer.from('x'), 'sha512'),
    };
    const text = signState(secret, longest);
    expect(text.length).toBeLessThan(2048);
    expect(verifyState([secret], text, longest, 0)).toEqual(longest);
  });

  describe('with the hash to go on with', () => {
    const hash = { algorithm: 'sha512', saved: randomBytes(212) } as const;
    const long = {
      ...state,
      name: parseRepositoryName('a'.repeat(255)),
      subject: '\u{1f600}'.repeat(4000),
      digest: Digest.of(Buffer.from('x'), 'sha512'),
      hash,
    };
    const signedAndRead = (parts: string) => {
      const whole = { ...long, parts: { size: 1, token: parts } };
      const text = signState(secret, whole);
      const { digest, hash: saved } = verifyState([secret], text, whole, 0);
      return { fits: text.length <= 2048, digest: digest?.toString(), saved: saved?.saved };
    };

    it('comes back as it was signed', () => {
      expect(verify(signState(secret, { ...state, hash })).hash).toEqual(hash);
    });

    it('is small', () => {
      expect(signedAndRead('p'.repeat(550))).toEqual({
        fits: true,
        digest: long.digest.toString(),
        saved: hash.saved,
      });
    });

    it('leaves out what can be read again where there is no room for it', () => {
      const digest = long.digest.toString();
      expect(signedAndRead('p'.repeat(700))).toEqual({ fits: true, saved: hash.saved });
      expect(signedAndRead('p'.repeat(850))).toEqual({ fits: true, digest });
      expect(signedAndRead('p'.repeat(1000))).toEqual({ fits: true });
    });
  });

  it('is taken with any of the secrets, so that one can be replaced', () => {
    expect(verify(token, 0, ['2'.repeat(64), secret])).toEqual(state);
  });

  it('lasts until it expires', () => {
    expect(verify(token, 1000)).toEqual(state);
    expect(() => verify(token, 1001)).toThrow(because('expired'));
  });

  it.each([
    ['repository', { ...expected, name: parseRepositoryName('a/c') }],
    ['session', { ...expected, session: '1'.repeat(48) }],
    ['subject', { ...expected, subject: 'bob' }],
    ['nobody', { ...expected, subject: '' }],
  ])('is refused for another %s', (_what, other) => {
    expect(() => verifyState([secret], token, other, 0)).toThrow(because('another upload'));
  });

  it('is refused with another secret', () => {
    expect(() => verify(token, 0, ['2'.repeat(64)])).toThrow(BlobUploadUnknown);
    expect(() => verify(token, 0, [])).toThrow(BlobUploadUnknown);
  });

  it('is refused truncated anywhere', () => {
    for (let length = 0; length < token.length; length++) {
      expect(() => verify(token.slice(0, length))).toThrow(BlobUploadUnknown);
    }
  });

  it('is refused with any bit turned', () => {
    const bytes = Buffer.from(token, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = Buffer.from(bytes);
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => verify(altered.toString('base64url'))).toThrow(BlobUploadUnknown);
    }
  });

  it.each([
    ['padding', `${token}=`],
    ['a line break', `${token}\n`],
    ['a space', `${token} `],
    ['characters that base64 skips', `${token.slice(0, 10)}*${token.slice(10)}`],
    ['the other alphabet', `${token}+/`],
    ['1 MB', 'A'.repeat(1_000_000)],
    ['1 MB that begins well', token + 'A'.repeat(1_000_000)],
    ['nothing', ''],
  ])('is refused with %s', (_what, text) => {
    const began = process.cpuUsage();
    expect(() => verify(text)).toThrow(BlobUploadUnknown);
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(50);
  });

  it.each([
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['not UTF-8', Buffer.from([0xff, 0xfe])],
    ['null', 'null'],
    ['a list', '[]'],
    [
      'Distribution’s format',
      '{"Name":"a/b","UUID":"x","Offset":0,"StartedAt":"2026-01-01T00:00:00Z"}',
    ],
    ['another member', JSON.stringify({ n: 'a/b', i: '0', u: '', a: 'sha256', e: 1, z: 1 })],
    ['a negative size', JSON.stringify({ ...payload(), p: [-1, 'a'] })],
    ['a size that is not whole', JSON.stringify({ ...payload(), p: [1.5, 'a'] })],
    ['a digest that is none', JSON.stringify({ ...payload(), d: 'sha256:x' })],
    ['a hash of no kind', JSON.stringify({ ...payload(), h: ['md5', 'AAAA'] })],
    ['an algorithm that is none', JSON.stringify({ ...payload(), a: 'md5' })],
    ['a text for a time', JSON.stringify({ ...payload(), e: 'never' })],
  ])('is refused, signed by ourselves, when it holds %s', (_what, body) => {
    expect(() => verify(signed(body))).toThrow(BlobUploadUnknown);
  });

  it('throws nothing but the one error, whatever comes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.json().map(signed)), (text) => {
        expect(() => verify(text)).toThrow(BlobUploadUnknown);
      }),
      { numRuns: 2000 },
    );
  });
});

function payload() {
  return { n: 'a/b', i: '0'.repeat(48), u: 'alice', a: 'sha256', e: 1000 };
}
