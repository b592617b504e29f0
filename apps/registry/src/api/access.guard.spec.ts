import 'reflect-metadata';
import { afterEach, describe, expect, it } from '@jest/globals';
import { All, Controller, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';

import { AccessController, type Grant } from '#auth/access-controller.js';
import { formatScopes, type Scope } from '#auth/scope.js';
import { Unauthorized } from '#oci/errors.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { PublicUrl } from '../http/public-url.js';
import { AccessGuard, confidentialBy, type IsConfidential } from './access.guard.js';
import { RegistryErrorFilter } from './registry-error.filter.js';

@Controller()
class EchoController {
  @All(['/', 'livez', 'v2', 'v2/_catalog', 'v2/:name/blobs/uploads', 'v2/:name/blobs/:digest'])
  echo(@Req() request: FastifyRequest) {
    const base: Scope = { type: 'repository', name: 'base', actions: ['pull'] };
    return { subject: request.grant?.subject, mountsFromBase: request.grant?.allows(base) };
  }
}

@Module({ controllers: [EchoController] })
class EchoModule {}

/** Lets `anna` in, who may do all but read `base`. */
class AnnaOnly extends AccessController {
  readonly asked: string[] = [];

  override async authorize(
    authorization: string | undefined,
    required: readonly Scope[],
    wished: readonly Scope[] = [],
  ): Promise<Grant> {
    this.asked.push(`${formatScopes(required)} + ${formatScopes(wished)}`);
    if (authorization !== 'Basic anna') throw new Unauthorized('Basic realm="test"');
    return { subject: 'anna', allows: ({ name }) => name !== 'base' };
  }
}

describe('AccessGuard', () => {
  let app: NestFastifyApplication;
  const log = new RecordingLog();
  const access = new AnnaOnly();

  async function start(isConfidential: IsConfidential = () => true): Promise<void> {
    log.lines.length = 0;
    access.asked.length = 0;
    app = await NestFactory.create<NestFastifyApplication>(EchoModule, new FastifyAdapter(), {
      logger: false,
      abortOnError: false,
    });
    app.useGlobalGuards(new AccessGuard(access, isConfidential, log));
    app.useGlobalFilters(new RegistryErrorFilter(log));
    await app.init();
  }
  afterEach(() => app.close());

  const get = (url: string, authorization?: string) =>
    app.inject({
      method: 'GET',
      url,
      headers: authorization === undefined ? {} : { authorization },
    });

  it('lets nobody in without credentials, and answers with the challenge', async () => {
    await start();
    for (const url of ['/v2', '/v2/_catalog', '/v2/app/blobs/sha256:0']) {
      const answer = await get(url);
      expect(answer.statusCode).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Basic realm="test"');
      expect(answer.json()).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }] });
    }
  });

  it('leaves the grant with the request', async () => {
    await start();
    const answer = await get('/v2/app/blobs/sha256:0', 'Basic anna');
    expect(answer.json()).toEqual({ subject: 'anna', mountsFromBase: false });
    expect(access.asked).toEqual(['repository:app:pull + ']);
  });

  it('does not ask for credentials where nobody needs any', async () => {
    await start();
    expect((await get('/')).statusCode).toBe(200);
    expect((await get('/livez')).statusCode).toBe(200);
    expect(access.asked).toEqual([]);
  });

  it('asks for the decoded name of the repository', async () => {
    await start();
    await get('/v2/library%2Falpine/blobs/sha256:0');
    expect(access.asked).toEqual(['repository:library/alpine:pull + ']);
  });

  it('wishes to read the repository that a blob is mounted from, and lets in who may not', async () => {
    await start();
    const answer = await app.inject({
      method: 'POST',
      url: '/v2/app/blobs/uploads?mount=sha256:0&from=base',
      headers: { authorization: 'Basic anna' },
    });
    expect(answer.json()).toEqual({ subject: 'anna', mountsFromBase: false });
    expect(access.asked).toEqual(['repository:app:pull,push + repository:base:pull']);
  });

  it('refuses a name that is none before it asks anybody', async () => {
    await start();
    const answer = await get('/v2/App/blobs/sha256:0', 'Basic anna');
    expect(answer.json()).toMatchObject({ errors: [{ code: 'NAME_INVALID' }] });
    expect(access.asked).toEqual([]);
  });

  it('warns once that a password came over plain HTTP, without showing it', async () => {
    await start(() => false);
    await get('/v2', 'Bearer token');
    expect(log.lines).toEqual([]);
    await get('/v2', 'Basic anna');
    await get('/v2', 'Basic anna');
    expect(log.lines).toHaveLength(1);
    expect(JSON.stringify(log.lines)).not.toContain('anna');
  });

  it('does not warn where nobody could read it', async () => {
    await start();
    await get('/v2', 'Basic anna');
    expect(log.lines).toEqual([]);
  });
});

describe('confidentialBy', () => {
  const urls = new PublicUrl(
    {
      relativeurls: false,
      trustedproxies: ['127.0.0.0/8', '10.0.0.0/8'],
      trustforwarded: { port: false, prefix: false },
    },
    new RecordingLog(),
  );
  const judge = (remoteAddress: string | undefined, headers = {}, encrypted = false) => {
    const raw = { headers: { host: 'registry', ...headers }, socket: { remoteAddress, encrypted } };
    return confidentialBy(urls)({ raw } as unknown as FastifyRequest);
  };

  it.each([
    ['TLS', judge('192.0.2.1', {}, true)],
    ['loopback', judge('127.0.0.1')],
    ['loopback in IPv6', judge('::1')],
    ['a unix socket', judge(undefined)],
    ['TLS at a trusted proxy', judge('10.0.0.1', { 'x-forwarded-proto': 'https' })],
  ])('takes %s', (_what, confidential) => {
    expect(confidential).toBe(true);
  });

  it.each([
    ['another machine', judge('192.0.2.1')],
    ['whoever says that there was TLS', judge('192.0.2.1', { 'x-forwarded-proto': 'https' })],
    ['a proxy here that took plain HTTP', judge('127.0.0.1', { 'x-forwarded-for': '192.0.2.1' })],
  ])('does not take %s', (_what, confidential) => {
    expect(confidential).toBe(false);
  });
});
