import { lookup } from 'node:dns/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';

import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { defaultProvider } from '@aws-sdk/credential-provider-node';

import { environment } from '#config/environment.js';

import { type S3Config, withScheme } from './s3-config.js';

/** Milliseconds between two looks for other credentials, when the service says that those in use have expired. */
const refreshPause = 1_000;

/** The SDK's client, set up as the configuration says. */
export class S3Connection {
  #client: S3Client;
  #renewedAt = -Infinity;

  private constructor(
    private readonly settings: S3ClientConfig,
    private readonly agents: { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent },
    private readonly config: S3Config,
  ) {
    this.#client = this.#make(settings);
  }

  static async open(config: S3Config): Promise<S3Connection> {
    // As Distribution does: by HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
    const options = { ...agentOptions, proxyEnv: environment() };
    const agents = {
      httpAgent: new HttpAgent(options),
      httpsAgent: new HttpsAgent({ ...options, rejectUnauthorized: !config.skipverify }),
    };
    return new S3Connection(await settingsOf(config), agents, config);
  }

  get client(): S3Client {
    return this.#client;
  }

  get bucket(): string {
    return this.config.bucket;
  }

  /** For people, and for telling services apart. */
  get endpoint(): string {
    const { endpoint, region } = this.settings;
    return typeof endpoint === 'string' ? endpoint : `s3.${String(region)}`;
  }

  /** Asks where the credentials come from once more; false if that was done just now, or they are constant. */
  renew(): boolean {
    if (this.config.accesskey !== undefined) return false;
    const now = performance.now();
    if (now - this.#renewedAt < refreshPause) return false;
    this.#renewedAt = now;
    this.#client = this.#make(this.settings);
    return true;
  }

  /** A client that only signs, for addresses at another endpoint. */
  signerAt(endpoint: string): S3Client {
    return this.#make({ ...this.settings, endpoint: withScheme(endpoint, this.config.secure) });
  }

  close(): void {
    this.agents.httpAgent.destroy();
    this.agents.httpsAgent.destroy();
  }

  get #handler() {
    return { ...this.agents, connectionTimeout: 5_000, logger: silent };
  }

  #make(settings: S3ClientConfig): S3Client {
    const client = new S3Client({
      ...settings,
      credentials: credentialsOf(this.config, { ...this.#handler, ...credentialsTimeout }),
      requestHandler: this.#handler,
      logger: silent,
    });
    // Repetitions are ours; other steps of the SDK know their place by this one.
    client.middlewareStack.add((next) => async (call) => next(call), {
      name: 'retryMiddleware',
      step: 'finalizeRequest',
      priority: 'high',
      override: true,
    });
    return client;
  }
}

/** Slow clients hold a connection each while they pull, so the bound is far above what calls need. */
const agentOptions = { keepAlive: true, maxSockets: 4096, maxFreeSockets: 256 } as const;

/** Of a request for credentials. All who need them share it, so nobody's own deadline ends it; the SDK makes three. */
const credentialsTimeout = { requestTimeout: 4_000, throwOnRequestTimeout: true } as const;

const nothing = () => undefined;
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

async function settingsOf(config: S3Config): Promise<S3ClientConfig> {
  const { region = 'us-east-1', regionendpoint, secure } = config;
  const elsewhere = regionendpoint && withScheme(regionendpoint, secure);
  const endpoint = elsewhere ?? (secure ? undefined : plainAmazon(region));
  return {
    region,
    ...(endpoint === undefined
      ? {
          useDualstackEndpoint: config.usedualstack,
          useAccelerateEndpoint: config.accelerate,
          useFipsEndpoint: config.usefipsendpoint,
        }
      : { endpoint, useDualstackEndpoint: false, useFipsEndpoint: false }),
    forcePathStyle: config.forcepathstyle ?? (await needsPathStyle(elsewhere, config.bucket)),
    ...(config.useragent !== undefined && { customUserAgent: config.useragent }),
    // The hashes of what is sent are ours.
    maxAttempts: 1,
    retryMode: 'standard',
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    disableS3ExpressSessionAuth: true,
    expectContinueHeader: false,
  };
}

/** The SDK itself knows Amazon by HTTPS only. */
function plainAmazon(region: string): string {
  return `http://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

function credentialsOf(
  config: S3Config,
  requestHandler: NonNullable<S3ClientConfig['requestHandler']>,
): NonNullable<S3ClientConfig['credentials']> {
  const { accesskey, secretkey, sessiontoken, credentialsconfigpath } = config;
  if (accesskey !== undefined && secretkey !== undefined) {
    return {
      accessKeyId: accesskey,
      secretAccessKey: secretkey.reveal(),
      ...(sessiontoken && { sessionToken: sessiontoken.reveal() }),
    };
  }
  return defaultProvider({
    // Files are replaced when credentials are.
    ignoreCache: true,
    clientConfig: { requestHandler },
    ...(credentialsconfigpath !== undefined && {
      filepath: credentialsconfigpath,
      configFilepath: credentialsconfigpath,
    }),
  });
}

/** Where the bucket has no host name of its own. Distribution 2 took the path for any endpoint, Distribution 3 takes the name. */
async function needsPathStyle(endpoint: string | undefined, bucket: string): Promise<boolean> {
  if (bucket.includes('.')) return true;
  if (endpoint === undefined) return false;
  const { hostname } = new URL(endpoint);
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return true;
  try {
    await lookup(`${bucket}.${hostname}`);
    return false;
  } catch {
    return true;
  }
}
