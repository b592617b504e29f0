import { z } from 'zod';

import { StorageRefused } from '../bucket/object-store.js';
import { chooseEndpoint, type Endpoint } from './keystone-catalog.js';
import { authVersion, type SwiftConfig } from './swift-config.js';
import { type SwiftAnswer, type SwiftHttp, UnexpectedAnswer } from './swift-http.js';

export interface SwiftLogin {
  /** Without a slash at the end. */
  readonly storageUrl: string;
  readonly token: string;
  /** Milliseconds since 1970; undefined where nobody said. */
  readonly expiresAt: number | undefined;
}

/** Asks once for a token, in the version that the configuration means. @throws {StorageRefused} */
export async function logIn(http: SwiftHttp, config: SwiftConfig): Promise<SwiftLogin> {
  switch (authVersion(config)) {
    case 1:
    case undefined:
      return logInToSwift(http, config);
    case 2:
      return logInToKeystone2(http, config);
    case 3:
      return logInToKeystone3(http, config);
  }
}

async function logInToSwift(http: SwiftHttp, config: SwiftConfig): Promise<SwiftLogin> {
  const answer = await http.send({
    method: 'GET',
    url: config.authurl,
    headers: {
      'x-auth-user': config.username ?? '',
      'x-auth-key': config.password?.reveal() ?? '',
    },
    signal: AbortSignal.timeout(loginTimeout),
  });
  await accepted(answer, config.authurl);
  await answer.body.dump();
  const storageUrl = answer.header('x-storage-url');
  const token = answer.header('x-auth-token');
  if (storageUrl === undefined || token === undefined) throw noLogin(config.authurl);
  const seconds = Number(answer.header('x-auth-token-expires'));
  return {
    storageUrl: storageUrl.replace(/\/+$/, ''),
    token,
    expiresAt: seconds > 0 ? Date.now() + seconds * 1000 : undefined,
  };
}

const version2Answer = z.object({
  access: z.object({
    token: z.object({ id: z.string(), expires: z.string().optional() }),
    serviceCatalog: z.array(
      z.object({
        type: z.string(),
        endpoints: z.array(
          z.object({
            region: z.string().optional(),
            publicURL: z.string().optional(),
            internalURL: z.string().optional(),
            adminURL: z.string().optional(),
          }),
        ),
      }),
    ),
  }),
});

async function logInToKeystone2(http: SwiftHttp, config: SwiftConfig): Promise<SwiftLogin> {
  const url = below(config.authurl, 'tokens');
  const auth = {
    passwordCredentials: { username: config.username, password: config.password?.reveal() },
    tenantName: config.tenant,
    tenantId: config.tenantid,
  };
  const { body } = await post(http, url, { auth });
  const parsed = version2Answer.safeParse(body);
  if (!parsed.success) throw noLogin(config.authurl);
  const { token, serviceCatalog } = parsed.data.access;
  const endpoints = serviceCatalog
    .filter(({ type }) => type === 'object-store')
    .flatMap((service) => service.endpoints)
    .flatMap(({ region, publicURL, internalURL, adminURL }): Endpoint[] =>
      Object.entries({ public: publicURL, internal: internalURL, admin: adminURL }).flatMap(
        ([name, address]) =>
          address === undefined ? [] : [{ interface: name, region, url: address }],
      ),
    );
  return {
    storageUrl: chooseEndpoint(endpoints, config),
    token: token.id,
    expiresAt: timeOf(token.expires),
  };
}

const version3Answer = z.object({
  token: z.object({
    expires_at: z.string().optional(),
    catalog: z
      .array(
        z.object({
          type: z.string(),
          endpoints: z.array(
            z.object({
              interface: z.string(),
              region: z.string().nullish(),
              region_id: z.string().nullish(),
              url: z.string(),
            }),
          ),
        }),
      )
      .default([]),
  }),
});

async function logInToKeystone3(http: SwiftHttp, config: SwiftConfig): Promise<SwiftLogin> {
  const url = below(config.authurl, 'auth/tokens');
  const auth = { identity: identity(config), scope: scope(config) };
  const { body, answer } = await post(http, url, { auth });
  const token = answer.header('x-subject-token');
  const parsed = version3Answer.safeParse(body);
  if (token === undefined || !parsed.success) throw noLogin(config.authurl);
  const endpoints = parsed.data.token.catalog
    .filter(({ type }) => type === 'object-store')
    .flatMap((service) => service.endpoints)
    .map((each) => ({ ...each, region: each.region ?? each.region_id ?? undefined }));
  return {
    storageUrl: chooseEndpoint(endpoints, config),
    token,
    expiresAt: timeOf(parsed.data.token.expires_at),
  };
}

function identity(config: SwiftConfig) {
  if (config.applicationcredentialid !== undefined) {
    return {
      methods: ['application_credential'],
      application_credential: {
        id: config.applicationcredentialid,
        secret: config.applicationcredentialsecret?.reveal(),
      },
    };
  }
  const domain = domainOf(config.domain, config.domainid) ?? defaultDomain;
  const user = { name: config.username, password: config.password?.reveal(), domain };
  return { methods: ['password'], password: { user } };
}

function scope(config: SwiftConfig) {
  if (config.applicationcredentialid !== undefined) return undefined;
  if (config.trustid !== undefined) return { 'OS-TRUST:trust': { id: config.trustid } };
  if (config.tenantid !== undefined) return { project: { id: config.tenantid } };
  if (config.tenant === undefined) return undefined;
  const domain =
    domainOf(config.tenantdomain, config.tenantdomainid) ??
    domainOf(config.domain, config.domainid) ??
    defaultDomain;
  return { project: { name: config.tenant, domain } };
}

const defaultDomain = { name: 'Default' };

function domainOf(name: string | undefined, id: string | undefined) {
  if (name !== undefined) return { name };
  return id === undefined ? undefined : { id };
}

async function post(http: SwiftHttp, url: string, content: object) {
  const answer = await http.send({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(content),
    signal: AbortSignal.timeout(loginTimeout),
  });
  await accepted(answer, url);
  return { answer, body: json(await answer.body.text()) };
}

/** @throws {StorageRefused} with the keys that may be wrong */
async function accepted(answer: SwiftAnswer, url: string): Promise<void> {
  if (answer.status >= 200 && answer.status < 300) return;
  const problem = await UnexpectedAnswer.read(`a login at ${url}`, answer);
  switch (answer.status) {
    case 401:
    case 403:
      throw new StorageRefused(
        `${url} refuses the login: check storage.swift.username, password, tenant, domain, trustid (or applicationcredentialid)`,
        { cause: problem },
      );
    case 300:
    case 301:
    case 302:
    case 400:
    case 404:
    case 405:
      throw new StorageRefused(
        `${url} is not where Swift hands out tokens in this way (${answer.status}): check storage.swift.authurl, authversion and domain`,
        { cause: problem },
      );
    default:
      throw problem;
  }
}

function noLogin(url: string): StorageRefused {
  return new StorageRefused(
    `${url} answers, but not as a login of Swift does: check storage.swift.authurl and authversion`,
  );
}

function below(url: string, path: string): string {
  return `${url.replace(/\/+$/, '')}/${path}`;
}

function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const loginTimeout = 15_000;
