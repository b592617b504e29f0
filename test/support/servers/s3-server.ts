import { createHash, createHmac } from 'node:crypto';

import { until } from '../until.js';
import { RealServer } from './real-server.js';
import { type ServerProcess } from './server-process.js';

export interface S3Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface S3Request {
  readonly method: string;
  /** The bucket, and the key behind a slash. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** A server that speaks S3, with buckets in the path and not in the host's name. */
export abstract class S3Server extends RealServer {
  readonly region = 'us-east-1';

  protected constructor(
    /** `http://ADDRESS:PORT` */
    readonly endpoint: string,
    readonly credentials: S3Credentials,
    processes: readonly ServerProcess[],
  ) {
    super(processes);
  }

  async makeBucket(name: string): Promise<void> {
    // MinIO says that it is ready a little before it takes requests.
    const response = await until('the server to take requests', async () => {
      const answer = await this.request({ method: 'PUT', path: name });
      return answer.status !== 503 && answer;
    });
    if (!response.ok) {
      throw new Error(`bucket ${name}: ${response.status} ${await response.text()}`);
    }
  }

  /** One signed request with no retry, at the server itself or at a proxy before it. */
  request(request: S3Request, endpoint = this.endpoint): Promise<Response> {
    const url = new URL(request.path, `${endpoint}/`);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      url.searchParams.set(name, value);
    }
    const { method, body, headers = {} } = request;
    return fetch(url, {
      method,
      headers: { ...headers, ...sign(url, method, headers, this.credentials, this.region) },
      ...(body === undefined ? {} : { body }),
    });
  }
}

/** Signature version 4 over the host, the date and the headers given; the body is left out of it. */
function sign(
  url: URL,
  method: string,
  headers: Readonly<Record<string, string>>,
  { accessKey, secretKey }: S3Credentials,
  region: string,
): Record<string, string> {
  const date = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const added = { 'x-amz-date': date, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
  const signed = Object.entries({ ...headers, ...added, host: url.host })
    .map(([name, value]) => [name.toLowerCase(), value.trim()] as const)
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
  const names = signed.map(([name]) => name).join(';');
  const query = [...url.searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .toSorted()
    .join('&');
  const canonical = [
    method,
    url.pathname,
    query,
    ...signed.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    'UNSIGNED-PAYLOAD',
  ].join('\n');
  const scope = [date.slice(0, 8), region, 's3', 'aws4_request'];
  const hash = createHash('sha256').update(canonical).digest('hex');
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), hash].join('\n');
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretKey}`);
  const signature = hmac(key, text).toString('hex');
  const credential = `${accessKey}/${scope.join('/')}`;
  return {
    ...added,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${names},Signature=${signature}`,
  };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
