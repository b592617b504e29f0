import { createHmac } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { commandLine } from '../command-line.js';
import { type ListenOptions, listenOn, RealServer } from './real-server.js';
import { listens, serverEnvironment, ServerProcess } from './server-process.js';

export interface AzuriteOptions extends ListenOptions {
  /** A certificate and its key in PEM: the server then speaks https, and takes tokens beside the account's key. */
  readonly tokens?: { readonly cert: string; readonly key: string };
}

/** The account that every Azurite has; its key is published and opens nothing else. */
const account = 'devstoreaccount1';
const key =
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
const version = '2025-05-05';

/** Azure Blob Storage. */
export class Azurite extends RealServer {
  readonly accountName = account;
  readonly accountKey = key;

  private constructor(
    /** The account's address, with its name in the path. */
    readonly endpoint: string,
    process: ServerProcess,
  ) {
    super([process]);
  }

  static async start(
    folder: string,
    { tokens, ...options }: AzuriteOptions = {},
  ): Promise<Azurite> {
    const { address, port, host } = await listenOn(options);
    const data = join(folder, 'azurite');
    await mkdir(data, { recursive: true });
    let secure: readonly string[] = [];
    if (tokens !== undefined) {
      const files = { cert: join(folder, 'azurite.crt'), key: join(folder, 'azurite.key') };
      await writeFile(files.cert, tokens.cert);
      await writeFile(files.key, tokens.key);
      secure = commandLine`--oauth basic --cert ${files.cert} --key ${files.key}`;
    }
    const process = await ServerProcess.start({
      program: 'azurite-blob',
      args: commandLine`--blobHost ${address} --blobPort ${port} --location ${data} ${secure}
        --silent --skipApiVersionCheck --disableTelemetry`,
      cwd: folder,
      env: serverEnvironment({ HOME: folder }),
      log: join(folder, 'azurite.log'),
      ready: () => listens(port, address),
    });
    const scheme = tokens === undefined ? 'http' : 'https';
    return new Azurite(`${scheme}://${host}/${account}`, process);
  }

  get connectionString(): string {
    return connectionString(this.endpoint);
  }

  /** @param url of a proxy before it, without a path */
  connectionStringThrough(url: string): string {
    return connectionString(`${url}/${account}`);
  }

  async makeContainer(name: string): Promise<void> {
    const response = await fetch(`${this.endpoint}/${name}?restype=container`, {
      method: 'PUT',
      headers: sharedKey('PUT', name, { restype: 'container' }),
    });
    if (!response.ok) {
      throw new Error(`container ${name}: ${response.status} ${await response.text()}`);
    }
  }
}

function connectionString(endpoint: string): string {
  const [scheme = ''] = endpoint.split(':');
  return `DefaultEndpointsProtocol=${scheme};AccountName=${account};AccountKey=${key};BlobEndpoint=${endpoint};`;
}

/** The headers of a request without a body. */
function sharedKey(
  method: string,
  path: string,
  query: Readonly<Record<string, string>>,
): Record<string, string> {
  const headers = { 'x-ms-date': new Date().toUTCString(), 'x-ms-version': version };
  const text = [
    method,
    // Eleven standard headers, none of which is sent.
    ...Array.from({ length: 11 }, () => ''),
    ...Object.entries(headers).map(([name, value]) => `${name}:${value}`),
    // The account stands twice: as itself, and as the first part of the path.
    `/${account}/${account}/${path}`,
    ...Object.entries(query).map(([name, value]) => `${name}:${value}`),
  ].join('\n');
  const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64');
  return { ...headers, authorization: `SharedKey ${account}:${signature}` };
}
