import { describe, expect, it } from '@jest/globals';

import { authVersion, swiftConfig } from './swift-config.js';

const least = { username: 'u', password: 'p', authurl: 'https://k.example/v3', container: 'c' };

const complaints = (keys: object) =>
  swiftConfig
    .safeParse(keys)
    .error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`);

describe('the keys of swift', () => {
  it('have the defaults of Distribution', () => {
    expect(swiftConfig.parse({ ...least, tenant: 4711 })).toMatchObject({
      tenant: '4711',
      chunksize: 20 * 1024 * 1024,
      endpointtype: 'public',
      insecureskipverify: false,
      tempurlcontainerkey: false,
      tempurlmethods: [],
    });
  });

  it.each([
    [{ ...least, username: undefined }, 'username is missing'],
    [{ ...least, password: undefined }, 'password is missing'],
    [{ ...least, chunksize: 1000 }, 'chunksize expected a size'],
    [{ ...least, authurl: 'keystone' }, 'authurl expected a URL'],
    [{ ...least, authurl: 'https://k.example/identity' }, 'authversion cannot be told'],
    [{ ...least, applicationcredentialid: 'a' }, 'applicationcredentialsecret is missing'],
    [
      { ...least, applicationcredentialid: 'a', applicationcredentialsecret: 's' },
      'username goes without',
    ],
  ])('%j: %s', (keys, complaint) => {
    expect(complaints(keys)).toEqual(expect.arrayContaining([expect.stringContaining(complaint)]));
  });

  it.each([
    ['https://k.example/v3', 0, 3],
    ['https://k.example/identity/v2.0/', 0, 2],
    ['http://s.example/auth/v1.0', 0, 1],
    ['http://s.example/auth/v1.0', 3, 3],
    ['http://s.example/auth', 0, undefined],
  ])('%s with authversion %s is version %s', (authurl, authversion, version) => {
    expect(authVersion({ authurl, authversion })).toBe(version);
  });
});
