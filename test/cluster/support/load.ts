import { randomBytes } from 'node:crypto';

import { digestOf, RegistryApi } from '../../support/registry-api.js';

/** Pushes and pulls over and over, as machines that build do, and keeps every answer that no client would forgive. */
export class Load {
  readonly failures: string[] = [];
  /** Milliseconds of each request, in their order. */
  readonly times: number[] = [];
  pushed = 0;
  #over = false;

  constructor(private readonly url: string) {}

  /** @returns when all that was begun has ended */
  async run(workers: number, work: () => Promise<void>): Promise<void> {
    const running = Array.from({ length: workers }, (_, index) => this.#worker(index));
    try {
      await work();
    } finally {
      this.#over = true;
      await Promise.all(running);
    }
  }

  async #worker(index: number): Promise<void> {
    const api = new RegistryApi(this.url);
    const name = `load/worker-${index}`;
    while (!this.#over) {
      const layer = randomBytes(20_000);
      const digest = digestOf(layer);
      await this.#ask('push', async () => {
        await api.pushBlob(name, layer);
        await api.pushImage(name, 'latest', {
          layers: [{ mediaType: 'application/octet-stream', digest, size: layer.length }],
        });
        this.pushed++;
      });
      await this.#ask('pull', async () => {
        const manifest = await api.get(`/v2/${name}/manifests/latest`);
        if (manifest.status !== 200) throw new Error(`manifest: ${manifest.status}`);
        const blob = await api.get(`/v2/${name}/blobs/${digest}`);
        if (!blob.body.equals(layer)) throw new Error(`blob: ${blob.status}`);
      });
    }
  }

  async #ask(what: string, action: () => Promise<void>): Promise<void> {
    const began = performance.now();
    try {
      await action();
    } catch (error) {
      this.failures.push(`${what}: ${String(error)}`);
    }
    this.times.push(performance.now() - began);
  }
}
