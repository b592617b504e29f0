import { z } from 'zod';

import { allDisabled, ignored, isOff, live } from '#config/key-docs.js';
import { bool, oneOf, secret, section, text } from '#config/values.js';

const logLevel = () => oneOf('error', 'warn', 'info', 'debug');

const mailHook = z.strictObject({
  type: text().describe('Only `mail` is known.'),
  disabled: bool().default(false).describe('Switches the hook off.'),
  levels: z.array(text()).default([]).describe('Levels that send a mail.'),
  options: z
    .strictObject({
      smtp: z
        .strictObject({
          addr: text().optional().describe('Mail server.'),
          username: text().optional().describe('Account at the mail server.'),
          password: secret().optional().describe('Password of that account.'),
          insecure: bool().default(false).describe('Skips the check of its certificate.'),
        })
        .optional(),
      from: text().optional().describe('Sender.'),
      to: z.array(text()).default([]).describe('Receivers.'),
    })
    .optional(),
});

export const logConfig = section({
  level: live(logLevel().default('info').describe('Least severe level that is written.')),
  formatter: oneOf('text', 'json', 'logstash')
    .default('text')
    .describe('`text` for people, `json` and `logstash` for collectors.'),
  fields: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Fields added to every line, such as `service: registry`.'),
  accesslog: section({
    disabled: bool().default(false).describe('Writes no line per request.'),
  }),
  reportcaller: ignored(
    bool().default(false).describe('Adds the place in the code to each line.'),
    'lines do not say where in the code they were written',
    { harmless: isOff },
  ),
  hooks: ignored(
    z.array(mailHook).default([]).describe('Sends mails when certain lines are written.'),
    'no mail is sent; let whatever collects the log alert',
    { harmless: allDisabled },
  ),
});

export type LogConfig = z.infer<typeof logConfig>;
export type LogLevel = z.infer<ReturnType<typeof logLevel>>;
