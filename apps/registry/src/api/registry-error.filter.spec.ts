import { describe, expect, it } from '@jest/globals';
import fastify, { type LightMyRequestResponse } from 'fastify';

import { Digest } from '#oci/digest.js';
import { BlobDamaged, BlobUnknown, TooManyRequests } from '#oci/errors.js';
import { StorageUnavailable } from '#storage/storage-driver.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { answerError } from './registry-error.filter.js';

const digest = Digest.of(Buffer.from('a blob'));
const path = `/v2/a%2Fb/blobs/${digest.toString()}`;

async function answerOf(
  error: Error,
  method: 'GET' | 'PUT' = 'GET',
): Promise<LightMyRequestResponse & { readonly log: RecordingLog }> {
  const log = new RecordingLog();
  const app = fastify();
  app.setErrorHandler((thrown, request, reply) => answerError(thrown, request, reply, log));
  app.route({
    method,
    url: '/v2/:name/blobs/:digest',
    handler: () => {
      throw error;
    },
  });
  return Object.assign(await app.inject({ method, url: path }), { log });
}

describe('an error that is the registry’s own fault', () => {
  const request = { repository: 'a/b', digest: digest.toString() };

  it('is in the log with its reason and causes when the storage is away', async () => {
    const refused = Object.assign(new AggregateError([new Error('x')]), { code: 'ECONNREFUSED' });
    const cause = new Error('socket hang up', { cause: refused });
    const error = new StorageUnavailable('GetObject: no connection', { cause });
    const { statusCode, log } = await answerOf(error);
    expect(statusCode).toBe(503);
    expect(log.lines).toMatchObject([
      {
        level: 'error',
        message: 'storage unavailable',
        fields: {
          ...request,
          status: 503,
          code: 'UNAVAILABLE',
          method: 'GET',
          reason: 'GetObject: no connection',
          cause: ['Error: socket hang up', 'AggregateError: ECONNREFUSED'],
        },
      },
    ]);
  });

  it.each([
    ['GET', 'the storage cannot be read: no route'],
    ['PUT', 'the storage takes no writes: no route'],
  ] as const)('tells who sent a %s what the storage does not do', async (method, message) => {
    const { body } = await answerOf(new StorageUnavailable('no route'), method);
    expect(body).toContain(message);
  });

  it('is in the log with the digest when a blob is damaged', async () => {
    const { statusCode, log } = await answerOf(new BlobDamaged(digest, { size: 7 }));
    expect(statusCode).toBe(500);
    const detail = { digest: digest.toString(), size: 7 };
    expect(log.lines).toMatchObject([
      { message: 'damaged blob asked for', fields: { ...request, status: 500, detail } },
    ]);
  });

  it('is in the log with its calls when nobody knows it', async () => {
    const { statusCode, body, log } = await answerOf(new RangeError('a bug'));
    expect([statusCode, body.includes('a bug')]).toEqual([500, false]);
    expect(log.lines).toMatchObject([
      { message: 'request failed', fields: { ...request, error: 'RangeError: a bug' } },
    ]);
    expect(log.lines[0]?.fields['stack']).toContain('registry-error.filter.spec');
  });

  it('is not what clients do wrong, or do too often', async () => {
    for (const error of [new BlobUnknown(digest), new TooManyRequests('too many')]) {
      expect((await answerOf(error)).log.lines).toEqual([]);
    }
  });
});
