import { describe, expect, it } from '@jest/globals';

import { s3Config } from './s3-config.js';

const least = { region: 'eu-central-1', bucket: 'registry' };

describe('storage.s3', () => {
  it('has the defaults of Distribution', () => {
    expect(s3Config.parse(least)).toEqual({
      ...least,
      encrypt: false,
      secure: true,
      skipverify: false,
      v4auth: true,
      chunksize: 10 * 1024 ** 2,
      multipartcopychunksize: 32 * 1024 ** 2,
      multipartcopymaxconcurrency: 100,
      multipartcopythresholdsize: 32 * 1024 ** 2,
      storageclass: 'STANDARD',
      usedualstack: false,
      accelerate: false,
      usefipsendpoint: false,
      objectacl: 'private',
    });
  });

  it('takes what files of Distribution 2 and 3 say', () => {
    const config = s3Config.parse({
      accesskey: '',
      secretkey: '',
      region: 'us-east-1',
      regionendpoint: 'minio.example.org:9000',
      forcepathstyle: 'true',
      bucket: 'registry',
      secure: 'false',
      v4auth: 'true',
      chunksize: '5242880',
      multipartcopychunksize: 33554432,
      rootdirectory: '',
      storageclass: 'reduced_redundancy',
      loglevel: false,
    });
    expect(config).toMatchObject({
      forcepathstyle: true,
      secure: false,
      chunksize: 5242880,
      storageclass: 'REDUCED_REDUNDANCY',
      loglevel: 'off',
    });
    expect([config.accesskey, config.secretkey, config.rootdirectory]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('needs no region at an endpoint of its own', () => {
    expect(s3Config.safeParse({ bucket: 'b', regionendpoint: 'http://minio:9000' }).success).toBe(
      true,
    );
  });

  it.each([
    ['bucket', { region: 'eu-central-1' }],
    ['region', { bucket: 'registry' }],
    ['region', { ...least, region: 'europe' }],
    ['secretkey', { ...least, accesskey: 'key' }],
    ['accesskey', { ...least, secretkey: 'key' }],
    ['regionendpoint', { ...least, regionendpoint: 'http://' }],
    ['redirectendpoint', { ...least, redirectendpoint: 'not an address' }],
    ['chunksize', { ...least, chunksize: '1MB' }],
    ['chunksize', { ...least, chunksize: '6GB' }],
    ['multipartcopychunksize', { ...least, multipartcopychunksize: 1 }],
    ['multipartcopymaxconcurrency', { ...least, multipartcopymaxconcurrency: 0 }],
    ['multipartcopythresholdsize', { ...least, multipartcopythresholdsize: '6GB' }],
    ['storageclass', { ...least, storageclass: 'GLACIER' }],
    ['objectacl', { ...least, objectacl: 'everybody' }],
    ['loglevel', { ...least, loglevel: 'loud' }],
    ['encrypt', { ...least, encrypt: 'perhaps' }],
  ])('refuses a bad %s by its name', (key, keys) => {
    const { error } = s3Config.safeParse(keys);
    expect(error?.issues.map(({ path }) => path[0])).toEqual([key]);
  });

  it('refuses a key that it does not know', () => {
    expect(s3Config.safeParse({ ...least, bukcet: 'registry' }).success).toBe(false);
  });

  it('shows no secret', () => {
    const config = s3Config.parse({
      ...least,
      accesskey: 'a',
      secretkey: 's3cr3t',
      sessiontoken: 't0k3n',
    });
    expect(JSON.stringify(config)).not.toMatch(/s3cr3t|t0k3n/);
  });
});
