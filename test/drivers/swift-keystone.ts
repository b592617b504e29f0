import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { component } from '../components/component.js';
import { freePort } from '../support/free-port.js';
import { run } from '../support/process.js';
import { RealServer } from '../support/servers/real-server.js';
import {
  answersOk,
  type ServerCommand,
  serverEnvironment,
  ServerProcess,
} from '../support/servers/server-process.js';

export const keystonePrograms = ['keystone-manage', 'keystone-wsgi-public'] as const;

/** The administrator, who also looks at tokens for others. */
export const keystoneAdmin = { user: 'admin', password: 's3cret-admin' } as const;

interface Created {
  readonly id: string;
}

/** OpenStack Keystone: its database in a file, one process. */
export class Keystone extends RealServer {
  #token: string | undefined;

  private constructor(
    /** `http://ADDRESS:PORT` */
    readonly url: string,
    processes: readonly ServerProcess[],
  ) {
    super(processes);
  }

  static async start(folder: string): Promise<Keystone> {
    const root = join(folder, 'keystone');
    await mkdir(join(root, 'fernet'), { recursive: true, mode: 0o700 });
    await mkdir(join(root, 'credentials'), { mode: 0o700 });
    const file = join(root, 'keystone.conf');
    await writeFile(file, keystoneFile(root));
    const manage = (...args: string[]) =>
      run(component('keystone-manage') ?? 'keystone-manage', ['--config-file', file, ...args]);
    const owner = ['--keystone-user', 'root', '--keystone-group', 'root'];
    await Promise.all([manage('db_sync'), manage('fernet_setup', ...owner)]);
    await run('/usr/bin/python3', ['-c', letReadersBe, join(root, 'keystone.db')]);
    await manage('bootstrap', '--bootstrap-password', keystoneAdmin.password);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const command: ServerCommand = {
      program: 'keystone-wsgi-public',
      args: ['--host', '127.0.0.1', '--port', String(port)],
      env: serverEnvironment({ HOME: folder, OS_KEYSTONE_CONFIG_FILES: file }),
      log: join(folder, 'keystone.log'),
      ready: () => answersOk(`${url}/v3`),
    };
    const keystone = new Keystone(url, [await ServerProcess.start(command)]);
    await keystone.makeService('identity', { everywhere: url });
    return keystone;
  }

  /** @param addresses by regions, which are made too */
  async makeService(type: string, addresses: Readonly<Record<string, string>>): Promise<void> {
    const service = await this.make('services', 'service', { type, name: type });
    for (const [region, url] of Object.entries(addresses)) {
      await this.make('regions', 'region', { id: region });
      for (const kind of ['public', 'internal']) {
        const endpoint = { service_id: service.id, region_id: region, interface: kind, url };
        await this.make('endpoints', 'endpoint', endpoint);
      }
    }
  }

  /** Makes what the path is a list of, as the administrator or with another token. */
  async make(path: string, kind: string, what: object, token?: string): Promise<Created> {
    const body = (await this.#send('POST', path, { [kind]: what }, token)) as Record<
      string,
      Created
    >;
    return body[kind] as Created;
  }

  async grant(project: Created, user: Created, role: string): Promise<void> {
    const { id } = await this.#role(role);
    await this.#send('PUT', `projects/${project.id}/users/${user.id}/roles/${id}`);
  }

  async #role(name: string): Promise<Created> {
    const { roles } = (await this.#send('GET', `roles?name=${name}`)) as { roles: Created[] };
    return roles[0] as Created;
  }

  /** What somebody else may do then. */
  async logIn(user: Created, password: string, project: Created): Promise<string> {
    const identity = { methods: ['password'], password: { user: { id: user.id, password } } };
    return this.#tokenFor({ identity, scope: { project: { id: project.id } } });
  }

  async #send(method: string, path: string, body?: object, token?: string): Promise<unknown> {
    this.#token ??= await this.#tokenFor(adminLogin);
    const answer = await fetch(`${this.url}/v3/${path}`, {
      method,
      headers: { 'x-auth-token': token ?? this.#token, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  async #tokenFor(auth: object): Promise<string> {
    const answer = await fetch(`${this.url}/v3/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ auth }),
    });
    const token = answer.headers.get('x-subject-token');
    if (token === null) throw new Error(`login: ${answer.status} ${await answer.text()}`);
    return token;
  }
}

/** One request of Keystone's reads over one connection and writes over another. */
const letReadersBe =
  "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA journal_mode=WAL')";

const byName = { name: keystoneAdmin.user, domain: { name: 'Default' } };
const adminLogin = {
  identity: {
    methods: ['password'],
    password: { user: { ...byName, password: keystoneAdmin.password } },
  },
  scope: { project: byName },
};

function keystoneFile(root: string): string {
  return `[database]
connection = sqlite:///${root}/keystone.db
[fernet_tokens]
key_repository = ${root}/fernet
[credential]
key_repository = ${root}/credentials
[identity]
password_hash_rounds = 4
`;
}
