import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { Seeded } from '#storage/testing/seeded.js';

import { RegistryClient } from '../support/registry-client.js';
import { until } from '../support/until.js';
import { describePrivileged } from './describe-privileged.js';
import { Disk, type DiskOptions } from './disk.js';
import { HttpPusher } from './http-pusher.js';
import { pause } from './pause.js';
import { serve } from './processes/serve.js';
import { inspect } from './registry-folder.js';
import { RegistryProcess } from './registry-process.js';
import { withFolder } from './with-folder.js';

const losses = Number(process.env['HOLDFAST_POWER_LOSSES_HTTP'] ?? 5);

/** What a client was told. A tag may be what was asked last, too, where no answer came. */
class Client {
  answered = 0;
  readonly blobs: string[] = [];
  readonly tags = new Map<string, (string | undefined)[]>();
  /** Locations of sessions, and how many bytes they have. */
  readonly sessions = new Map<string, number>();
  #stopped = false;

  constructor(
    private readonly pusher: HttpPusher,
    private readonly random: Seeded,
  ) {}

  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      await this.#act().catch(() => this.stop());
      if (!this.#stopped) this.answered += 1;
    }
  }

  async #act(): Promise<void> {
    const { pusher, random } = this;
    const layer = Buffer.from(`${random.below(1e9)}`.repeat(1 + random.below(5000)));
    const tag = `tag${random.below(3)}`;
    const before = this.tags.get(tag) ?? [undefined];
    switch (random.below(4)) {
      case 0:
        this.blobs.push(await pusher.pushInParts(layer));
        return;
      case 1: {
        const { location, size } = await pusher.beginInParts(layer);
        this.sessions.set(location, size);
        return;
      }
      case 2:
        if (before.length !== 1 || before[0] === undefined) return;
        this.tags.set(tag, [...before, undefined]);
        await pusher.delete(tag);
        this.tags.set(tag, [undefined]);
        return;
      default: {
        this.blobs.push(await pusher.pushWhole(Buffer.from('{}')), await pusher.pushWhole(layer));
        const digest = HttpPusher.manifestOf(layer).digest;
        this.tags.set(tag, [...before, digest]);
        await pusher.setTag(tag, layer);
        this.tags.set(tag, [digest]);
      }
    }
  }

  /** What of the answers does not hold, asked of another registry. */
  async problems(url: string): Promise<string[]> {
    const registry = new RegistryClient(url);
    const problems: string[] = [];
    const { repository } = this.pusher;
    for (const digest of this.blobs) {
      const { status } = await registry.blob(repository, digest);
      if (status !== 200) problems.push(`${digest}: ${status}`);
    }
    for (const [tag, allowed] of this.tags) {
      const { status, headers } = await registry.manifest(repository, tag);
      const digest = status === 200 ? headers.get('docker-content-digest') : undefined;
      if (!allowed.includes(digest ?? undefined)) problems.push(`${tag}: ${digest} (${status})`);
    }
    for (const [location, size] of this.sessions) {
      const { status, headers } = await registry.request('GET', location);
      const range = headers.get('range');
      if (status !== 204 || range !== `0-${size - 1}`) problems.push(`${status} ${range} ${size}`);
    }
    return problems;
  }
}

async function loseOften(type: DiskOptions['type']) {
  return withFolder(async (folder) => {
    const disk = await Disk.create(folder, { type, mebibytes: type === 'xfs' ? 320 : 128 });
    const problems: unknown[] = [];
    let answered = 0;
    try {
      for (let turn = 1; turn <= losses; turn++) {
        const root = join(disk.mountPoint, String(turn));
        const clients = await pushAndLose(disk, root, turn);
        await disk.unmount();
        await disk.mount();
        const { close, url } = await serve({ rootdirectory: root });
        try {
          for (const client of clients) {
            answered += client.answered;
            problems.push(...(await client.problems(url)));
          }
        } finally {
          await close();
        }
        const { corrupt, dangling, empty } = await inspect(root);
        problems.push(...corrupt, ...dangling, ...empty);
      }
    } finally {
      await disk.remove();
    }
    return { answered, problems };
  });
}

async function pushAndLose(disk: Disk, root: string, seed: number): Promise<readonly Client[]> {
  const registry = await RegistryProcess.start(root);
  const clients = [1, 2].map((index) => {
    const pusher = new HttpPusher(registry.url, `repository${index}`);
    return new Client(pusher, new Seeded(seed * 10 + index));
  });
  const running = clients.map((client) => client.run());
  try {
    const enough = 3 + new Seeded(seed).below(25);
    const answered = () => clients.reduce((sum, client) => sum + client.answered, 0);
    await until(`${enough} answers`, async () => answered() >= enough);
    await pause(registry.process);
    await disk.losePower();
  } finally {
    clients.forEach((client) => client.stop());
    await registry.kill();
    await Promise.all(running);
  }
  return clients;
}

describePrivileged(
  'mount',
  ['xfs_io', 'mkfs.ext4', 'mkfs.xfs', 'mount'],
  'D3 power loss under a registry',
  () => {
    describe.each(['ext4', 'xfs'] as const)('on %s', (type) => {
      it('loses nothing that was answered', async () => {
        const { answered, problems } = await loseOften(type);
        expect(problems).toEqual([]);
        expect(answered).toBeGreaterThan(losses * 3);
        process.stdout.write(`D3 over HTTP, ${type}: 0 of ${answered} lost in ${losses}\n`);
      }, 3_600_000);
    });
  },
);
