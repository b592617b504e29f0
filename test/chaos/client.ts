import { Seeded } from '#storage/testing/seeded.js';

import { bytesOf, sha256 } from './bytes.js';
import type { Event, History, Outcome } from './history.js';
import { descriptorsOf, type KnownImage, manifestOf, manifestType } from './images.js';
import {
  type Answer,
  attempt,
  NoAnswer,
  outcomeOf,
  Refused,
  send,
  ShortAnswer,
} from './requests.js';
import { Uploads } from './uploads.js';

const present = 'present';

/** What all clients of a run know of each other's work. */
export class World {
  readonly images: KnownImage[] = [];
  /** Blobs of no image, which may be deleted. */
  readonly loose: { readonly repository: string; readonly digest: string }[] = [];
  readonly repositories: readonly string[];
  readonly tags: readonly string[];
  /** How many of the images pushed last clients go back to. */
  readonly recent: number;

  constructor(
    /** What clients see; each request goes to another replica. */
    readonly url: string,
    readonly history: History,
    /** Everybody meets at one tag. */
    { narrow = false }: { readonly narrow?: boolean } = {},
  ) {
    this.recent = narrow ? 2 : 40;
    this.repositories = narrow ? ['chaos/one'] : ['chaos/one', 'chaos/two', 'chaos/three'];
    this.tags = narrow ? ['latest'] : ['a', 'b', 'c', 'latest'];
  }
}

/** One of many clients: it makes one act after the other, chosen by its seed, and writes down what it saw. */
export class Client {
  readonly #random: Seeded;
  readonly #acts: readonly (readonly [
    weight: number,
    name: string,
    act: () => Promise<Outcome>,
  ])[] = [
    [6, 'push', () => this.#push()],
    [4, 'move tag', () => this.#moveTag()],
    [10, 'pull', () => this.#pull()],
    [2, 'push loose blob', () => this.#pushLoose()],
    [2, 'delete blob', () => this.#deleteLoose()],
    [2, 'look at blob', () => this.#lookAtLoose()],
    [2, 'delete tag', () => this.#deleteTag()],
    [1, 'delete manifest', () => this.#deleteManifest()],
    [2, 'mount', () => this.#mount()],
  ];
  readonly #uploads: Uploads;
  bytesPushed = 0;

  constructor(
    private readonly number: number,
    private readonly world: World,
    seed: number,
  ) {
    this.#random = new Seeded(seed * 1009 + number);
    this.#uploads = new Uploads(world.url, this.#random, world.history);
  }

  /** Uploads that went on after something broke. */
  get resumed(): number {
    return this.#uploads.resumed;
  }

  async run(until: () => boolean): Promise<void> {
    while (!until()) {
      const [, name, act] = this.#chosen();
      const began = this.#now;
      let outcome: Outcome = 'unknown';
      let detail: string | undefined;
      try {
        outcome = await act();
      } catch (error) {
        if (!(error instanceof NoAnswer || error instanceof Refused)) throw error;
        outcome = error instanceof Refused ? error.outcome : 'unknown';
        detail = error.message;
      }
      this.world.history.act({
        name,
        client: this.number,
        began,
        ended: this.#now,
        outcome,
        detail,
      });
    }
  }

  get #now(): number {
    return this.world.history.now;
  }

  #chosen() {
    const total = this.#acts.reduce((sum, [weight]) => sum + weight, 0);
    let at = this.#random.below(total);
    return this.#acts.find(([weight]) => (at -= weight) < 0) ?? this.#acts[0]!;
  }

  async #push(): Promise<Outcome> {
    const repository = this.#random.pick(this.world.repositories);
    const blobs = [
      Buffer.from(JSON.stringify({ unique: this.#random.bytes(8).toString('hex') })),
      bytesOf(this.#random, 16 + this.#random.below(this.#random.pick([300, 30_000, 400_000]))),
    ];
    for (const blob of blobs) await this.#pushBlob(repository, blob);
    const body = manifestOf(blobs);
    const image = { repository, digest: sha256(body), body, blobs: blobs.map(sha256) };
    const outcome = await this.#putManifest(image, this.#random.pick(this.world.tags));
    if (outcome === 'ok') this.world.images.push(image);
    return outcome;
  }

  async #moveTag(): Promise<Outcome> {
    const image = this.#someImage();
    if (image === undefined) return 'fail';
    return this.#putManifest(image, this.#random.pick(this.world.tags));
  }

  async #putManifest(image: KnownImage, tag: string): Promise<Outcome> {
    const { repository, digest, body } = image;
    const began = this.#now;
    const headers = { 'content-type': manifestType };
    const answer = await attempt(this.world.url, 'PUT', `/v2/${repository}/manifests/${tag}`, {
      headers,
      body,
    });
    const outcome = answer === undefined ? 'unknown' : outcomeOf(answer);
    const common = { began, ended: this.#now, outcome, action: 'write' } as const;
    this.#event({ ...common, what: 'manifest', key: `${repository}@${digest}`, value: present });
    this.#event({ ...common, what: 'tag', key: `${repository}:${tag}`, value: digest });
    return outcome;
  }

  async #pull(): Promise<Outcome> {
    const repository = this.#random.pick(this.world.repositories);
    const tag = this.#random.pick(this.world.tags);
    const manifest = await this.readTag(this.world.url, repository, tag);
    if (manifest === undefined) return 'ok';
    for (const { digest } of descriptorsOf(manifest)) {
      await this.readBlob(this.world.url, repository, digest);
    }
    return 'ok';
  }

  /** @returns the manifest, if the tag points at one */
  async readTag(base: string, repository: string, tag: string): Promise<Buffer | undefined> {
    const began = this.#now;
    const answer = await this.#get(base, `/v2/${repository}/manifests/${tag}`);
    const key = `${repository}:${tag}`;
    const common = { what: 'tag', key, action: 'read', began, ended: this.#now } as const;
    if (answer.status === 404) {
      this.#event({ ...common, value: null, outcome: 'ok' });
      return undefined;
    }
    const digest = sha256(answer.body);
    if (answer.headers['docker-content-digest'] !== digest) this.#corrupt(key, digest);
    this.#event({ ...common, value: digest, outcome: 'ok' });
    return answer.body;
  }

  async readManifest(base: string, repository: string, digest: string): Promise<void> {
    await this.#readContent('manifest', base, repository, digest);
  }

  async readBlob(base: string, repository: string, digest: string): Promise<void> {
    await this.#readContent('blob', base, repository, digest);
  }

  async #readContent(
    what: 'blob' | 'manifest',
    base: string,
    repository: string,
    digest: string,
  ): Promise<void> {
    const began = this.#now;
    const { status, body } = await this.#get(base, `/v2/${repository}/${what}s/${digest}`);
    const key = `${repository}@${digest}`;
    if (status === 200 && sha256(body) !== digest) this.#corrupt(key, sha256(body));
    const value = status === 200 ? present : null;
    this.#event({ what, key, action: 'read', value, began, ended: this.#now, outcome: 'ok' });
  }

  async #pushLoose(): Promise<Outcome> {
    const repository = this.#random.pick(this.world.repositories);
    const blob = bytesOf(this.#random, 16 + this.#random.below(50_000));
    await this.#pushBlob(repository, blob);
    this.world.loose.push({ repository, digest: sha256(blob) });
    return 'ok';
  }

  async #deleteLoose(): Promise<Outcome> {
    if (this.world.loose.length === 0) return 'fail';
    const { repository, digest } = this.#random.pick(this.world.loose);
    const outcome = await this.#remove('blob', repository, digest);
    // Every replica must know at once.
    if (outcome === 'ok') await this.readBlob(this.world.url, repository, digest);
    return outcome;
  }

  async #lookAtLoose(): Promise<Outcome> {
    if (this.world.loose.length === 0) return 'fail';
    const { repository, digest } = this.#random.pick(this.world.loose);
    await this.readBlob(this.world.url, repository, digest);
    return 'ok';
  }

  async #deleteManifest(): Promise<Outcome> {
    const image = this.#someImage();
    return image === undefined ? 'fail' : this.#remove('manifest', image.repository, image.digest);
  }

  async #deleteTag(): Promise<Outcome> {
    const repository = this.#random.pick(this.world.repositories);
    const tag = this.#random.pick(this.world.tags);
    const began = this.#now;
    const answer = await attempt(this.world.url, 'DELETE', `/v2/${repository}/manifests/${tag}`);
    const outcome = answer === undefined ? 'unknown' : outcomeOf(answer);
    const common = { what: 'tag', key: `${repository}:${tag}`, value: null } as const;
    const absent = answer?.status === 404;
    this.#event({
      ...common,
      action: absent ? 'read' : 'remove',
      outcome: absent ? 'ok' : outcome,
      began,
      ended: this.#now,
    });
    return outcome;
  }

  async #remove(what: 'blob' | 'manifest', repository: string, digest: string): Promise<Outcome> {
    const began = this.#now;
    const answer = await attempt(this.world.url, 'DELETE', `/v2/${repository}/${what}s/${digest}`);
    const outcome = answer === undefined ? 'unknown' : outcomeOf(answer);
    const absent = answer?.status === 404;
    const times = { began, ended: this.#now };
    const key = `${repository}@${digest}`;
    this.#event({
      ...times,
      what,
      key,
      value: null,
      action: absent ? 'read' : 'remove',
      outcome: absent ? 'ok' : outcome,
    });
    if (what === 'manifest' && !absent) {
      for (const tag of this.world.tags) {
        const tagged = { what: 'tag', key: `${repository}:${tag}`, value: digest } as const;
        this.#event({ ...times, ...tagged, action: 'remove-value', outcome });
      }
    }
    return outcome;
  }

  async #mount(): Promise<Outcome> {
    const image = this.#someImage();
    if (image === undefined) return 'fail';
    const target = this.#random.pick(this.world.repositories);
    const digest = this.#random.pick(image.blobs);
    const began = this.#now;
    const query = `mount=${digest}&from=${image.repository}`;
    const answer = await attempt(this.world.url, 'POST', `/v2/${target}/blobs/uploads/?${query}`);
    const mounted = answer?.status === 201;
    // 202 begins an upload instead, which nobody goes on with.
    const outcome =
      answer === undefined || answer.status >= 500 ? 'unknown' : mounted ? 'ok' : 'fail';
    const key = `${target}@${digest}`;
    const common = { what: 'blob', key, action: 'write', value: present } as const;
    this.#event({ ...common, began, ended: this.#now, outcome });
    return outcome === 'fail' && answer?.status === 202 ? 'ok' : outcome;
  }

  /** In one of the ways that clients have. @throws {Refused} @throws {NoAnswer} */
  async #pushBlob(repository: string, blob: Buffer): Promise<void> {
    const digest = sha256(blob);
    const began = this.#now;
    let outcome: Outcome = 'unknown';
    try {
      const answer = await this.#uploads.push(repository, blob, digest);
      outcome = outcomeOf(answer);
      if (outcome !== 'ok') throw new Refused(answer);
    } finally {
      const key = `${repository}@${digest}`;
      const common = { what: 'blob', key, action: 'write', value: present } as const;
      this.#event({ ...common, began, ended: this.#now, outcome });
    }
    this.bytesPushed += blob.length;
  }

  #someImage(): KnownImage | undefined {
    const { images, recent } = this.world;
    return images.length === 0 ? undefined : this.#random.pick(images.slice(-recent));
  }

  /** @throws {NoAnswer} also for 5xx */
  async #get(base: string, path: string): Promise<Answer> {
    try {
      const answer = await send(base, 'GET', path, { headers: { accept: `${manifestType}, */*` } });
      if (answer.status === 200 || answer.status === 404) return answer;
      if (answer.status === 307) return await send(answer.headers.location ?? '', 'GET', '');
      throw new NoAnswer(`GET answered ${answer.status} ${answer.body.toString().slice(0, 200)}`);
    } catch (error) {
      if (error instanceof ShortAnswer) {
        this.world.history.anomaly({ kind: 'short', key: path, detail: error.message });
        throw new NoAnswer('a short answer', { cause: error });
      }
      throw error;
    }
  }

  #event(event: Event): void {
    this.world.history.event(event);
  }

  #corrupt(key: string, found: string): void {
    this.world.history.anomaly({ kind: 'corrupt', key, detail: `found ${found}` });
  }
}
