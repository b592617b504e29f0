import { describe, expect, it } from '@jest/globals';

import { AccessLog } from './access-log.js';
import { logConfig } from './log-config.js';
import { RecordingLog } from './testing/recording-log.js';

const access = {
  method: 'GET',
  url: '/v2/',
  status: 200,
  bytes: 2,
  milliseconds: 1.2345,
  client: '10.0.0.1',
};

describe('AccessLog', () => {
  it('writes one line per request', () => {
    const log = new RecordingLog();
    AccessLog.create(logConfig.parse({}), log)?.write(access);
    expect(log.lines).toEqual([
      {
        level: 'info',
        fields: { method: 'GET', url: '/v2/', status: 200, bytes: 2, client: '10.0.0.1', ms: 1.2 },
        message: 'request',
      },
    ]);
  });

  it('is not there when it is switched off', () => {
    const config = logConfig.parse({ accesslog: { disabled: 'true' } });
    expect(AccessLog.create(config, new RecordingLog())).toBeUndefined();
  });
});
