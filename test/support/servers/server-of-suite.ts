import { afterAll, beforeAll } from '@jest/globals';

import { TempDir } from '../temp-dir.js';
import type { RealServer } from './real-server.js';

/** Starts a server, in a folder of its own, for the suite around the call. */
export function serverOfSuite<Server extends RealServer>(
  start: (folder: string) => Promise<Server>,
): () => Server {
  let folder: TempDir | undefined;
  let server: Server | undefined;
  beforeAll(async () => {
    folder = await TempDir.create('servers');
    server = await start(folder.path);
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    await folder?.remove();
  });
  return () => {
    if (server === undefined) throw new Error('the server did not start');
    return server;
  };
}
