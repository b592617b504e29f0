import { BrokenOff } from '../bucket/broken-off.js';

export type AnswerHeaders = Readonly<Record<string, string>>;

/** What tells this content of an object from every other. */
export function versionIn(headers: AnswerHeaders): string {
  const { etag } = headers;
  if (!etag) throw new BrokenOff('an answer without a version');
  return etag;
}

/** An answer that is an error, in the shape that the SDK gives it. */
export class S3Answer extends Error {
  override readonly name = 'S3Answer';
  readonly Code: string;
  /** Where the bucket is, if that is what is wrong. */
  readonly Region: string | undefined;
  readonly $response: { readonly statusCode: number; readonly headers: AnswerHeaders };
  readonly $metadata: { readonly httpStatusCode: number };

  constructor(status: number, headers: AnswerHeaders, body: string) {
    const code = element(body, 'Code') ?? (status === 404 ? 'NotFound' : 'Unknown');
    super(`${status} ${code}`);
    this.Code = code;
    this.Region = element(body, 'Region');
    this.$response = { statusCode: status, headers };
    this.$metadata = { httpStatusCode: status };
  }
}

function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
}
