import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { All, Controller, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';

import { AccessController, type AccessRequest, type Grant } from '#auth/access-controller.js';
import { formatScopes, type Scope } from '#auth/scope.js';
import { Unauthorized } from '#oci/errors.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { PublicUrl } from '../http/public-url.js';
import { AccessGuard } from './access.guard.js';
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
  readonly sources: (readonly string[])[] = [];

  override async authorize({
    authorization,
    required,
    wished = [],
    source = () => [],
  }: AccessRequest): Promise<Grant> {
    this.sources.push(source());
    this.asked.push(`${formatScopes(required)} + ${formatScopes(wished)}`);
    if (authorization !== 'Basic anna') throw new Unauthorized('Basic realm="test"');
    return { subject: 'anna', allows: ({ name }) => name !== 'base' };
  }
}

describe('AccessGuard', () => {
  let app: NestFastifyApplication;
  let log: RecordingLog;
  let access: AnnaOnly;

  beforeEach(async () => {
    log = new RecordingLog();
    access = new AnnaOnly();
    app = await NestFactory.create<NestFastifyApplication>(EchoModule, new FastifyAdapter(), {
      logger: false,
      abortOnError: false,
    });
    const urls = new PublicUrl(
      {
        relativeurls: false,
        trustedproxies: ['127.0.0.0/8', '10.0.0.0/8'],
        trustforwarded: { port: false, prefix: false },
      },
      log,
    );
    app.useGlobalGuards(new AccessGuard(access, urls, log));
    app.useGlobalFilters(new RegistryErrorFilter(log));
    await app.init();
  });
  afterEach(() => app.close());

  const get = (url: string, authorization?: string) =>
    app.inject({
      method: 'GET',
      url,
      headers: authorization === undefined ? {} : { authorization },
    });

  it('lets nobody in without credentials, and answers with the challenge', async () => {
    for (const url of ['/v2', '/v2/_catalog', '/v2/app/blobs/sha256:0']) {
      const answer = await get(url);
      expect(answer.statusCode).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Basic realm="test"');
      expect(answer.json()).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }] });
    }
  });

  it('leaves the grant with the request', async () => {
    const answer = await get('/v2/app/blobs/sha256:0', 'Basic anna');
    expect(answer.json()).toEqual({ subject: 'anna', mountsFromBase: false });
    expect(access.asked).toEqual(['repository:app:pull + ']);
  });

  it('does not ask for credentials where nobody needs any', async () => {
    expect((await get('/')).statusCode).toBe(200);
    expect((await get('/livez')).statusCode).toBe(200);
    expect(access.asked).toEqual([]);
  });

  it('asks for the decoded name of the repository', async () => {
    await get('/v2/library%2Falpine/blobs/sha256:0');
    expect(access.asked).toEqual(['repository:library/alpine:pull + ']);
  });

  it('wishes to read the repository that a blob is mounted from, and lets in who may not', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/v2/app/blobs/uploads?mount=sha256:0&from=base',
      headers: { authorization: 'Basic anna' },
    });
    expect(answer.json()).toEqual({ subject: 'anna', mountsFromBase: false });
    expect(access.asked).toEqual(['repository:app:pull,push + repository:base:pull']);
  });

  it('refuses a name that is none before it asks anybody', async () => {
    const answer = await get('/v2/App/blobs/sha256:0', 'Basic anna');
    expect(answer.json()).toMatchObject({ errors: [{ code: 'NAME_INVALID' }] });
    expect(access.asked).toEqual([]);
  });

  it('tells where the request came from, as trusted proxies say', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.7, 192.0.2.1' };
    await app.inject({ method: 'GET', url: '/v2', headers });
    await app.inject({ method: 'GET', url: '/v2', headers, remoteAddress: '203.0.113.9' });
    expect(access.sources).toEqual([['127.0.0.1', '192.0.2.1'], ['203.0.113.9']]);
  });

  describe('a password', () => {
    const warned = () => log.lines.filter(({ message }) => message.startsWith('a password')).length;
    const send = (remoteAddress: string, headers: Record<string, string> = {}) =>
      app.inject({
        method: 'GET',
        url: '/v2',
        remoteAddress,
        headers: { authorization: 'Basic anna', ...headers },
      });

    it.each([
      ['another machine', '192.0.2.1', {}],
      ['whoever claims TLS', '192.0.2.1', { 'x-forwarded-proto': 'https' }],
      ['a proxy here that took plain HTTP', '127.0.0.1', { 'x-forwarded-for': '192.0.2.1' }],
    ])(
      'from %s over plain HTTP is warned about once, and not shown',
      async (_what, peer, headers) => {
        await send(peer, { ...headers, authorization: 'Bearer token' });
        expect(warned()).toBe(0);
        await send(peer, headers);
        await send(peer, headers);
        expect(warned()).toBe(1);
        expect(JSON.stringify(log.lines)).not.toContain('anna');
      },
    );

    it.each([
      ['loopback', '127.0.0.1', {}],
      ['loopback in IPv6', '::1', {}],
      ['loopback on a dual-stack socket', '::ffff:127.0.0.1', {}],
      ['TLS at a trusted proxy', '10.0.0.1', { 'x-forwarded-proto': 'https' }],
    ])('over %s is nothing to warn about', async (_what, peer, headers) => {
      expect((await send(peer, headers)).statusCode).toBe(200);
      expect(warned()).toBe(0);
    });
  });
});
