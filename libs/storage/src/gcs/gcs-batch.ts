import { randomUUID } from 'node:crypto';

/** Most calls that the service takes in one request. */
export const mostInBatch = 100;

/** The body of one request that asks for each of these paths to be deleted. */
export function batchOfDeletions(paths: readonly string[]) {
  const boundary = `batch_${randomUUID()}`;
  const parts = paths.map((path, index) =>
    [
      `--${boundary}`,
      'Content-Type: application/http',
      'Content-Transfer-Encoding: binary',
      `Content-ID: <${index}>`,
      '',
      `DELETE ${path} HTTP/1.1`,
      'Host: storage.googleapis.com',
      '',
      '',
    ].join('\r\n'),
  );
  return {
    contentType: `multipart/mixed; boundary=${boundary}`,
    bytes: Buffer.from(`${parts.join('\r\n')}\r\n--${boundary}--\r\n`),
  };
}

/** The status of each part, by its index; one that is not in the answer is missing. */
export function statusesIn(answer: string): ReadonlyMap<number, number> {
  const statuses = new Map<number, number>();
  const parts = /content-id:\s*<response-(\d+)>[\s\S]*?HTTP\/\d(?:\.\d)? (\d{3})/gi;
  for (const [, index, status] of answer.matchAll(parts)) {
    statuses.set(Number(index), Number(status));
  }
  return statuses;
}
