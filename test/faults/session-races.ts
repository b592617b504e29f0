import { Agent } from 'node:http';

import { Seeded } from '#storage/testing/seeded.js';

import { commitPath, type HeldAnswer, HeldRequest } from './held-request.js';

const uploads = '/v2/race/blobs/uploads/';

/** One upload session that several requests fight over, each sent to any of the registries. */
export class SessionRace {
  /** `METHOD status` of each answer. */
  readonly answers: string[] = [];
  /** What a 201 was answered for. */
  readonly committed: Buffer[] = [];
  readonly #open: HeldRequest[] = [];

  private constructor(
    private readonly agent: Agent,
    private readonly urls: readonly string[],
    private readonly random: Seeded,
  ) {}

  static async run(agent: Agent, urls: readonly string[], seed: number): Promise<SessionRace> {
    const random = new Seeded(seed);
    const race = new SessionRace(agent, urls, random);
    try {
      await races[seed % races.length]?.(race);
    } finally {
      for (const request of race.#open) request.cut();
    }
    return race;
  }

  async begin(): Promise<string> {
    const { location } = await this.end(this.start('POST', uploads));
    return location ?? '';
  }

  /** With a first chunk. */
  async beginWith(bytes: Buffer): Promise<string> {
    const { location } = await this.send('PATCH', await this.begin(), [bytes]);
    return location ?? '';
  }

  start(method: string, path: string): HeldRequest {
    const request = new HeldRequest(this.agent, this.random.pick(this.urls), method, path);
    this.#open.push(request);
    return request;
  }

  /** One request, with its body in pieces that others may come between. */
  async send(method: string, path: string, pieces: readonly Buffer[]): Promise<HeldAnswer> {
    await this.random.pause();
    const request = this.start(method, path);
    for (const piece of pieces) {
      await request.send(piece);
      await this.random.pause();
    }
    return this.end(request, method);
  }

  async put(location: string, begun: Buffer, pieces: readonly Buffer[] = []): Promise<number> {
    const bytes = Buffer.concat([begun, ...pieces]);
    const { status } = await this.send('PUT', commitPath(location, bytes), pieces);
    if (status === 201) this.committed.push(bytes);
    return status;
  }

  async end(request: HeldRequest, method = 'POST'): Promise<HeldAnswer> {
    request.end();
    try {
      const answer = await request.answer;
      this.answers.push(`${method} ${answer.status}`);
      return answer;
    } catch (error) {
      this.answers.push(`${method} cut`);
      return { status: 0, location: undefined, body: String(error) };
    }
  }

  bytes(): Buffer {
    return this.random.bytes(1 + this.random.below(3000));
  }

  pieces(): Buffer[] {
    return Array.from({ length: 1 + this.random.below(3) }, () => this.bytes());
  }
}

const races: readonly ((race: SessionRace) => Promise<void>)[] = [
  async function twoPatches(race) {
    const begun = race.bytes();
    const location = await race.beginWith(begun);
    const bodies = [race.pieces(), race.pieces()];
    const answers = await Promise.all(bodies.map((body) => race.send('PATCH', location, body)));
    for (const [index, { location: next }] of answers.entries()) {
      if (next !== undefined && answers[index]?.status === 202) {
        await race.put(next, Buffer.concat([begun, ...(bodies[index] ?? [])]));
      }
    }
  },
  async function twoFirstPatches(race) {
    const location = await race.begin();
    const bodies = [race.pieces(), race.pieces()];
    await Promise.all(
      bodies.map(async (body) => {
        const { status, location: next = '' } = await race.send('PATCH', location, body);
        if (status === 202) await race.put(next, Buffer.concat(body), race.pieces());
      }),
    );
  },
  async function patchAgainstPut(race) {
    const begun = race.bytes();
    const location = await race.beginWith(begun);
    await Promise.all([
      race.send('PATCH', location, race.pieces()),
      race.put(location, begun, race.pieces()),
    ]);
  },
  async function heldPatchAroundPut(race) {
    const begun = race.bytes();
    const location = await race.beginWith(begun);
    const held = race.start('PATCH', location);
    await held.send(race.bytes());
    await race.put(location, begun);
    const status = await race.send('GET', location, []);
    if (status.location !== undefined) await race.put(status.location, begun);
    await held.send(race.bytes());
    await race.end(held, 'PATCH');
  },
  async function putAndDelete(race) {
    const begun = race.bytes();
    const location = await race.beginWith(begun);
    await Promise.all([
      race.put(location, begun, race.pieces()),
      race.send('DELETE', location, []),
    ]);
  },
  async function twoPuts(race) {
    const begun = race.bytes();
    const location = await race.beginWith(begun);
    const same = race.pieces();
    await Promise.all([race.put(location, begun, same), race.put(location, begun, same)]);
    await race.put(location, begun, race.pieces());
  },
  async function patchAfterPut(race) {
    const begun = race.bytes();
    const location = await race.beginWith(begun);
    await race.put(location, begun);
    await race.send('PATCH', location, race.pieces());
    await race.send('GET', location, []);
  },
  async function deadWriter(race) {
    const begun = race.bytes();
    const location = await race.beginWith(begun);
    const dead = race.start('PATCH', location);
    await dead.send(race.bytes());
    const { location: now } = await race.send('GET', location, []);
    const more = race.pieces();
    const next = await race.send('PATCH', now ?? location, more);
    await dead.send(race.bytes());
    if (next.status === 202) {
      await race.put(next.location ?? '', Buffer.concat([begun, ...more]));
    }
    await dead.send(race.bytes());
    await race.end(dead, 'PATCH');
  },
];
