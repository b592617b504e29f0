import { z } from 'zod';

import { documented, ours } from '#config/key-docs.js';
import { bool, duration, integer, secretHeaders, section, text } from '#config/values.js';

const interval = () => duration({ min: 100 }).prefault('10s').describe('Time between two checks.');
const timeout = () => duration({ min: 1 }).prefault('5s').describe('Time for one check.');
const threshold = (times: number) =>
  integer({ min: 0 }).default(times).describe('Failures in a row that count; 0 is as good as 1.');

const file = z.strictObject({
  file: text().describe('The check fails while this file exists.'),
  interval: interval(),
  threshold: threshold(1),
});

const http = z.strictObject({
  uri: text().describe('Asked with HEAD.'),
  headers: secretHeaders().default({}).describe('Sent with it.'),
  statuscode: integer({ min: 100, max: 599 }).default(200).describe('The good answer.'),
  timeout: timeout(),
  interval: interval(),
  threshold: threshold(1),
});

const tcp = z.strictObject({
  addr: text().describe('Host and port that must take connections.'),
  timeout: timeout(),
  interval: interval(),
  threshold: threshold(1),
});

export const healthConfig = section({
  storagedriver: section({
    enabled: bool().default(true).describe('Looks whether the storage answers.'),
    interval: interval(),
    threshold: threshold(3),
  }),
  redis: ours(
    section({
      enabled: bool()
        .default(false)
        .describe(
          'Makes the process unready while Redis does not answer, although everything goes on without it.',
        ),
      interval: interval(),
      threshold: threshold(3),
    }),
  ),
  file: documented(z.array(file).default([]).describe('Checks that fail while a file exists.'), {
    variable: 'FILECHECKERS',
  }),
  http: documented(z.array(http).default([]).describe('Checks that ask another server.'), {
    variable: 'HTTPCHECKERS',
  }),
  tcp: documented(z.array(tcp).default([]).describe('Checks that connect to another server.'), {
    variable: 'TCPCHECKERS',
  }),
});

export type HealthConfig = z.infer<typeof healthConfig>;
