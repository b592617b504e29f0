import { describe, expect, it } from '@jest/globals';

import { httpConfig } from './http-config.js';
import { sharingRefusal, sharingWarning } from './shared-secret.js';

const config = (driver: string, { replicas = 1, http = {} } = {}) => ({
  replicas,
  storage: { driver: { driver } },
  http: httpConfig.parse(http),
});

describe.each(['s3', 'azure', 'gcs', 'swift'])('a secret for replicas on %s', (driver) => {
  it('is asked for in a warning by one, and demanded by several', () => {
    expect(sharingWarning(config(driver))).toContain(`kept in storage.${driver}`);
    expect(sharingRefusal(config(driver))).toBeUndefined();
    expect(sharingRefusal(config(driver, { replicas: 3 }))).toEqual({
      path: ['http', 'secret'],
      message: expect.stringContaining('because 3 replicas share'),
    });
  });

  it.each([{ secret: 'a' }, { secrets: ['a', 'b'] }, { secretfile: '/run/secrets/http' }])(
    'is there with %j',
    (http) => {
      expect(sharingWarning(config(driver, { http }))).toBeUndefined();
      expect(sharingRefusal(config(driver, { replicas: 3, http }))).toBeUndefined();
    },
  );
});

describe('a secret for replicas', () => {
  it('is kept for all of them in a folder that they share', () => {
    expect(sharingWarning(config('filesystem'))).toBeUndefined();
    expect(sharingRefusal(config('filesystem', { replicas: 3 }))).toBeUndefined();
  });

  it('does not help where the storage cannot be shared', () => {
    const http = { secret: 'a' };
    expect(sharingWarning(config('inmemory'))).toBeUndefined();
    expect(sharingRefusal(config('inmemory', { http }))).toBeUndefined();
    expect(sharingRefusal(config('inmemory', { replicas: 2, http }))?.path).toEqual(['replicas']);
  });
});
