import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { component } from '../../components/component.js';
import { projectRoot } from '../../support/holdfast.js';
import { RunningProcess } from '../../support/process.js';
import { listenOn } from '../../support/servers/real-server.js';
import { until } from '../../support/until.js';

/** HAProxy with the file of `deploy/compose`, but for the addresses, and how often it looks whether a replica is ready. */
export class Balancer {
  private constructor(
    /** `127.0.0.1:PORT` */
    readonly host: string,
    private readonly process: RunningProcess,
    private readonly ready: string,
  ) {}

  /** @param replicas `ADDRESS:PORT` of each */
  static async start(
    folder: string,
    replicas: readonly string[],
    ready: string,
  ): Promise<Balancer> {
    const { host } = await listenOn({});
    const text = await readFile(`${projectRoot}deploy/compose/haproxy.cfg`, 'utf8');
    const servers = replicas.map((address, index) => `server replica-${index} ${address} check`);
    const here = text
      .replace('GET /readyz', `GET ${ready}`)
      .replace('bind :5000', `bind ${host}`)
      .replace('inter 1s fastinter 250ms', 'inter 200ms')
      .replace(/(\n *server .*)+/, `\n    ${servers.join('\n    ')}`);
    const file = join(folder, 'haproxy.cfg');
    await writeFile(file, here);
    const process = await RunningProcess.start(component('haproxy') ?? 'haproxy', [
      '-f',
      file,
      '-db',
    ]);
    const balancer = new Balancer(host, process, ready);
    await process.waitUntil('the load balancer to find a replica', () => balancer.#answers());
    return balancer;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }

  /** Each of the replicas answers in its turn. */
  async settled(replicas: number): Promise<void> {
    let inARow = 0;
    await until(`${replicas} replicas behind the load balancer`, async () => {
      inARow = (await this.#answers()) ? inARow + 1 : 0;
      return inARow >= 2 * replicas;
    });
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(this.url + this.ready)).ok;
    } catch {
      return false;
    }
  }
}
