import cluster, { type Worker } from 'node:cluster';

import { addUp } from '../metrics/process-metrics.js';
import type { ProcessHealth } from './process-health.js';
import { type HealthReport, type ProcessReporter, ProcessReports } from './process-reports.js';

/** What the primary asks of a worker. */
interface Question {
  readonly kind: 'ask';
  readonly about: 'health' | 'metrics';
  readonly id: number;
}

interface Answer {
  readonly kind: 'answer';
  readonly id: number;
  readonly value: unknown;
}

interface Asked {
  readonly worker: Worker;
  /** Undefined: it did not answer in time. */
  readonly value: unknown;
}

/** Less than the second that Kubernetes gives a probe by default (milliseconds). */
const healthTimeout = 800;
const metricsTimeout = 5000;

/** In the primary: asks the workers that listen. What several ask at the same time is asked once. */
export class WorkerReports extends ProcessReports {
  readonly #listening = new Set<Worker>();
  readonly #waiting = new Map<number, (value: unknown) => void>();
  readonly #underWay = new Map<Question['about'], Promise<readonly Asked[]>>();
  #questions = 0;

  constructor() {
    super();
    cluster.on('message', (worker, message: unknown) => {
      if (isAnswer(message)) this.#waiting.get(message.id)?.(message.value);
      else if (isListening(message)) this.#listening.add(worker);
    });
    cluster.on('disconnect', (worker) => this.#listening.delete(worker));
    cluster.on('exit', (worker) => this.#listening.delete(worker));
  }

  async health(): Promise<readonly HealthReport[]> {
    const asked = await this.#ask('health', healthTimeout);
    return asked.map(({ worker, value }) => ({
      pid: worker.process.pid ?? 0,
      health: value as ProcessHealth | undefined,
    }));
  }

  async metrics(): Promise<string> {
    const asked = await this.#ask('metrics', metricsTimeout);
    return addUp(
      asked.flatMap(({ value }) => (value === undefined ? [] : [value as readonly object[]])),
    );
  }

  #ask(about: Question['about'], timeout: number): Promise<readonly Asked[]> {
    let underWay = this.#underWay.get(about);
    if (underWay === undefined) {
      underWay = this.#askAll(about, timeout).finally(() => this.#underWay.delete(about));
      this.#underWay.set(about, underWay);
    }
    return underWay;
  }

  async #askAll(about: Question['about'], timeout: number): Promise<readonly Asked[]> {
    const asked = await Promise.all(
      Array.from(this.#listening, (worker) => this.#askOne(worker, about, timeout)),
    );
    // Nobody is sent to who has ended meanwhile.
    return asked.filter(({ worker }) => this.#listening.has(worker));
  }

  #askOne(worker: Worker, about: Question['about'], timeout: number): Promise<Asked> {
    const id = ++this.#questions;
    return new Promise((resolve) => {
      const settle = (value: unknown) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve({ worker, value });
      };
      const timer = setTimeout(() => settle(undefined), timeout);
      this.#waiting.set(id, settle);
      worker.send({ kind: 'ask', about, id } satisfies Question, (error) => {
        if (error !== null) settle(undefined);
      });
    });
  }
}

/** In a worker, once it listens: answers what the primary asks. */
export function answerPrimary({ health, metrics }: ProcessReporter): void {
  const answer = async ({ about, id }: Question) => {
    const value = about === 'health' ? health.report() : await metrics.values();
    if (process.connected) process.send?.({ kind: 'answer', id, value } satisfies Answer);
  };
  process.on('message', (message: unknown) => {
    if (isQuestion(message)) void answer(message);
  });
}

function isQuestion(message: unknown): message is Question {
  return kindOf(message) === 'ask';
}

function isAnswer(message: unknown): message is Answer {
  return kindOf(message) === 'answer';
}

/** What a worker reports when it begins to answer requests. */
function isListening(message: unknown): boolean {
  return kindOf(message) === 'listening';
}

function kindOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind;
}
