/** A number, or one drawn between two, ends included. */
export type Amount = number | readonly [from: number, to: number];

/** `request` is what the client sends, `answer` what the server does. */
export type Direction = 'request' | 'answer';

export type Fault =
  /** Passes the request on later. Several rules' latencies add up, and another fault may follow. */
  | { readonly kind: 'latency'; readonly ms: Amount }
  /** Passes nothing on and never answers. */
  | { readonly kind: 'hang' }
  /** Passes so many bytes of a body, and then nothing more, over connections that stay open. */
  | { readonly kind: 'stall'; readonly direction: Direction; readonly afterBytes: Amount }
  /** Passes so many bytes of a body, and then resets the connections. */
  | { readonly kind: 'cut'; readonly direction: Direction; readonly afterBytes: Amount }
  /** Answers by itself; the server hears nothing of it. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Lets the server do what it was asked, and resets the client's connection instead of answering. */
  | { readonly kind: 'lost-answer' }
  /** Answers 200 with an error for a body, after so much white space; the server may have done what it was asked. */
  | {
      readonly kind: 'error-in-ok';
      readonly code?: string;
      readonly whitespace?: number;
      readonly applied?: boolean;
    }
  /** Takes the ETag from an answer's headers, and from its body where that is XML. */
  | { readonly kind: 'without-etag' }
  /** Leaves out the last bytes of a body, and adapts its length: nothing else shows it. */
  | { readonly kind: 'truncate'; readonly bytes: Amount }
  /** Adds bytes to a body, and adapts its length. */
  | { readonly kind: 'extend'; readonly bytes: Amount }
  /** Changes one bit of a body. */
  | { readonly kind: 'flip'; readonly direction: Direction; readonly at?: Amount }
  /** Gives the answer to the same URL again for so long: a list that lags. */
  | { readonly kind: 'stale'; readonly ms: number };

/**
 * An answer as S3 words its errors.
 *
 * @public
 */
export function s3Error(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): Fault {
  return {
    kind: 'answer',
    status,
    headers: { 'content-type': 'application/xml', ...headers },
    body: s3ErrorBody(code),
  };
}

export const slowDown = s3Error(503, 'SlowDown');
/** @public */
export const internalError = s3Error(500, 'InternalError');
export const clockSkew = s3Error(403, 'RequestTimeTooSkewed');

export function s3ErrorBody(code: string): string {
  return `<Error><Code>${code}</Code><Message>Made by the fault proxy</Message><RequestId>0</RequestId></Error>`;
}
