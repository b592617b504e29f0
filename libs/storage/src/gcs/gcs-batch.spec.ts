import { describe, expect, it } from '@jest/globals';

import { batchOfDeletions, statusesIn } from './gcs-batch.js';

describe('a batch', () => {
  it('asks for each path to be deleted', () => {
    const { contentType, bytes } = batchOfDeletions(['/one', '/two']);
    const boundary = contentType.replace('multipart/mixed; boundary=', '');
    const text = bytes.toString();
    expect(text.split(`--${boundary}`)).toHaveLength(4);
    expect(text).toContain('Content-ID: <1>\r\n\r\nDELETE /two HTTP/1.1\r\n');
    expect(text.endsWith(`--${boundary}--\r\n`)).toBe(true);
  });

  it('is answered part by part, in any order, as Google writes it', () => {
    const answer = [
      '--batch_x',
      'Content-Type: application/http',
      'Content-ID: <response-1>',
      '',
      'HTTP/1.1 404 Not Found',
      'Content-Type: application/json',
      '',
      '{"error": "HTTP/1.1 200 is not the status"}',
      '--batch_x',
      'Content-Type: application/http',
      'Content-ID: <response-0>',
      '',
      'HTTP/1.1 204 No Content',
      '',
      '',
      '--batch_x--',
    ].join('\r\n');
    expect([...statusesIn(answer)]).toEqual([
      [1, 404],
      [0, 204],
    ]);
  });
});
