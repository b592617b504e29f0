import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { StorageRefused } from '#storage/bucket/object-store.js';
import { swiftConfig } from '#storage/swift/swift-config.js';
import { SwiftStore } from '#storage/swift/swift-store.js';
import { bodyOf } from '#storage/testing/object-bodies.js';

import { describeWith } from '../components/components.js';
import { Swift } from '../support/servers/swift.js';
import { TempDir } from '../support/temp-dir.js';
import { Keystone, keystoneAdmin, keystonePrograms } from './swift-keystone.js';
import { swiftPrograms } from './swift-programs.js';

const password = 's3cret-user';

describeWith([...keystonePrograms, ...swiftPrograms], 'SwiftStore with Keystone', () => {
  let folder: TempDir;
  let keystone: Keystone;
  let swift: Swift;
  /** Ids by what they are of. */
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    folder = await TempDir.create('keystone');
    keystone = await Keystone.start(folder.path);
    const { url } = keystone;
    swift = await Swift.start(folder.path, { keystone: { url, ...keystoneAdmin } });
    await fill();
  }, 120_000);
  afterAll(async () => {
    await swift?.stop();
    await keystone?.stop();
    await folder.remove();
  });

  /** Two regions, of which one has no server, a domain of its own with a project, and users. */
  async function fill(): Promise<void> {
    await keystone.makeService('object-store', {
      nowhere: 'http://127.0.0.1:9/v1/AUTH_$(project_id)s',
      here: `${swift.endpoint}/v1/AUTH_$(project_id)s`,
    });
    const domain = await keystone.make('domains', 'domain', { name: 'Team' });
    const project = await keystone.make('projects', 'project', {
      name: '4711',
      domain_id: domain.id,
    });
    const user = { domain_id: domain.id, password };
    const owner = await keystone.make('users', 'user', { name: 'owner', ...user });
    const deputy = await keystone.make('users', 'user', { name: 'deputy', ...user });
    const stranger = await keystone.make('users', 'user', { name: 'stranger', ...user });
    await keystone.grant(project, owner, 'member');
    await keystone.grant(project, stranger, 'reader');
    const token = await keystone.logIn(owner, password, project);
    const trust = {
      trustor_user_id: owner.id,
      trustee_user_id: deputy.id,
      project_id: project.id,
      roles: [{ name: 'member' }],
      impersonation: true,
    };
    const credential = await keystone.make(
      `users/${owner.id}/application_credentials`,
      'application_credential',
      { name: 'registry', secret: 's3cret-application' },
      token,
    );
    Object.assign(ids, {
      domain: domain.id,
      project: project.id,
      trust: (await keystone.make('OS-TRUST/trusts', 'trust', trust, token)).id,
      credential: credential.id,
    });
  }

  const open = (keys: Readonly<Record<string, unknown>>) =>
    new SwiftStore(
      swiftConfig.parse({
        authurl: `${keystone.url}/v3`,
        container: 'registry',
        region: 'here',
        password,
        ...keys,
      }),
    );

  async function during<T>(store: SwiftStore, work: (store: SwiftStore) => Promise<T>): Promise<T> {
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }

  it.each([
    ['names of domain and project', () => ({ username: 'owner', domain: 'Team', tenant: 4711 })],
    [
      'ids of domain and project, by the internal endpoint',
      () => ({
        username: 'owner',
        domainid: ids['domain'],
        tenantid: ids['project'],
        endpointtype: 'internal',
      }),
    ],
    [
      'a domain for the project alone',
      () => ({ username: 'owner', domain: 'Team', tenant: '4711', tenantdomainid: ids['domain'] }),
    ],
    ['a trust', () => ({ username: 'deputy', domain: 'Team', trustid: ids['trust'] })],
    [
      'an application credential',
      () => ({
        password: undefined,
        applicationcredentialid: ids['credential'],
        applicationcredentialsecret: 's3cret-application',
      }),
    ],
  ])('logs in with %s', async (what, keys) => {
    await during(open(keys()), async (store) => {
      await store.probe();
      await store.put('a', bodyOf(what));
      expect((await store.get('a', { limit: 100 })).content.toString()).toBe(what);
      const address = await store.addressOf('a', { method: 'GET' });
      expect(await (await fetch(address ?? '')).text()).toBe(what);
    });
  });

  it.each([
    ['another password', { password: 'wrong' }, /refuses the login.*username, password/],
    ['an unknown project', { tenant: 'other' }, /refuses the login.*tenant/],
    ['no project', { tenant: undefined }, /no object store.*storage\.swift\.tenant/],
    [
      'an unknown region',
      { region: 'there' },
      /no public object store in region there.*public in here/,
    ],
    [
      'an endpoint that is not there',
      { endpointtype: 'admin' },
      /no admin object store.*endpointtype/,
    ],
    ['a user who may not write', { username: 'stranger' }, /does not let stranger.*role or an ACL/],
  ])('says what to do about %s', async (_what, keys, message) => {
    const known = { username: 'owner', domain: 'Team', tenant: '4711', container: 'other' };
    await during(open({ ...known, ...keys }), async (store) => {
      const problem: unknown = await store.probe().catch((error: unknown) => error);
      expect(problem).toBeInstanceOf(StorageRefused);
      expect(String(problem)).toMatch(message);
      expect(String(problem)).not.toContain(password);
    });
  });
});
