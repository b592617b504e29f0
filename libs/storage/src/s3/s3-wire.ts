import { Readable } from 'node:stream';

import { HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3';

import { BrokenOff } from '../bucket/broken-off.js';
import { type AnswerHeaders, S3Answer } from './s3-answer.js';

export interface WireRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** As the bucket has it. */
  readonly name: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | Readable;
}

export interface WireAnswer {
  readonly headers: AnswerHeaders;
  readonly body: Readable;
}

interface SentRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

interface Received {
  readonly response: {
    readonly statusCode: number;
    readonly headers: AnswerHeaders;
    readonly body: unknown;
  };
}

type Signer = Awaited<ReturnType<S3Client['config']['signer']>>;

/** What every request of a client has in common. */
interface Template {
  readonly request: SentRequest;
  readonly signer: Signer;
  readonly region: string;
}

const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const mostOfError = 64 * 1024;

/**
 * The calls that a registry makes thousands of times a second, without the SDK's way from an object to a request and back,
 * which is most of what they cost. Endpoint, credentials, signature, clock and connections are the SDK's.
 */
export class S3Wire {
  readonly #templates = new WeakMap<S3Client, Promise<Template>>();

  constructor(private readonly bucket: string) {}

  /** @throws {S3Answer} if it is an error */
  async send(client: S3Client, request: WireRequest, signal: AbortSignal): Promise<WireAnswer> {
    const template = await this.#template(client);
    const { config } = client;
    const signed = await template.signer.sign(unsigned(template, request), {
      signingDate: new Date(Date.now() + config.systemClockOffset),
      signingRegion: template.region,
      signingService: 's3',
    });
    const received: Received = await config.requestHandler.handle(signed, { abortSignal: signal });
    const { body, headers, statusCode } = received.response;
    if (!(body instanceof Readable)) throw new BrokenOff('an answer without a body');
    body.on('error', () => undefined);
    if (statusCode >= 200 && statusCode < 300) return { headers, body };
    const error = new S3Answer(statusCode, headers, await textOf(body));
    if (error.Code === 'RequestTimeTooSkewed') followClock(client, headers['date']);
    throw error;
  }

  async #template(client: S3Client): Promise<Template> {
    let template = this.#templates.get(client);
    if (template === undefined) {
      template = makeTemplate(client, this.bucket);
      this.#templates.set(client, template);
      template.catch(() => this.#templates.delete(client));
    }
    return template;
  }
}

/** Has the SDK make a request of the bucket, and keeps it instead of sending it. */
async function makeTemplate(client: S3Client, bucket: string): Promise<Template> {
  let request: SentRequest | undefined;
  let region: unknown;
  const command = new HeadBucketCommand({ Bucket: bucket });
  command.middlewareStack.add(
    (_next, context) => async (call) => {
      request = call.request as SentRequest;
      region = Reflect.get(context, 'signing_region');
      return { response: {}, output: { $metadata: {} } };
    },
    { step: 'finalizeRequest', priority: 'high', name: 'holdfastTemplate' },
  );
  await client.send(command);
  if (request === undefined) throw new Error('the SDK made no request');
  const signingRegion = typeof region === 'string' ? region : await client.config.region();
  const signer = await client.config.signer({
    name: 'sigv4',
    signingName: 's3',
    signingRegion,
    properties: {},
  });
  return { request, signer, region: signingRegion };
}

function unsigned(
  { request }: Template,
  { method, name, headers, body }: WireRequest,
): SentRequest {
  const { host, 'user-agent': agent } = request.headers;
  return {
    ...request,
    method,
    path: `${request.path.replace(/\/$/, '')}/${name.split('/').map(encoded).join('/')}`,
    query: {},
    headers: {
      ...(host !== undefined && { host }),
      ...(agent !== undefined && { 'user-agent': agent }),
      'x-amz-content-sha256': emptyHash,
      ...headers,
    },
    body,
  };
}

/** As signatures want it. */
function encoded(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

async function textOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > mostOfError) break;
    }
  } catch {
    // The status says enough.
  }
  return Buffer.concat(chunks).toString();
}

function followClock({ config }: S3Client, date: string | undefined): void {
  const time = Date.parse(date ?? '');
  if (!Number.isNaN(time)) config.systemClockOffset = time - Date.now();
}
