import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { extending, flipping, truncating } from './body-faults.js';
import type { FaultRule } from './fault-rule.js';
import { type Amount, type Fault, s3ErrorBody } from './fault.js';
import { type HttpUpstream, passUpTo, reply, replyHead, withHeader } from './http-upstream.js';

type FaultOf<Kind extends Fault['kind']> = Extract<Fault, { kind: Kind }>;

/** One request that a rule struck. */
export class FaultStrike {
  constructor(
    private readonly rule: FaultRule,
    private readonly upstream: HttpUpstream,
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
  ) {}

  async run(): Promise<void> {
    const { fault } = this.rule;
    switch (fault.kind) {
      case 'latency':
        return this.#pass();
      case 'hang':
        return this.#hang();
      case 'stall':
      case 'cut':
        return fault.direction === 'request' ? this.#breakRequest(fault) : this.#breakAnswer(fault);
      case 'answer':
        return this.#answer(fault.status, fault.headers ?? {}, fault.body ?? '');
      case 'lost-answer':
        return this.#loseAnswer();
      case 'error-in-ok':
        return this.#errorInOk(fault);
      case 'without-etag':
        return this.#withoutEtag();
      case 'truncate':
        return this.#changeLength(fault.bytes, -1);
      case 'extend':
        return this.#changeLength(fault.bytes, 1);
      case 'flip':
        return this.#flip(fault);
      case 'stale':
        return this.#stale(fault);
    }
  }

  async #pass(): Promise<void> {
    await reply(await this.#send(), this.response);
  }

  #send(through?: readonly Transform[]): Promise<IncomingMessage> {
    return this.upstream.send(this.request, this.response, through);
  }

  async #hang(): Promise<void> {
    if (!this.response.destroyed) await once(this.response, 'close');
  }

  async #breakRequest({ kind, afterBytes }: FaultOf<'stall' | 'cut'>): Promise<void> {
    const limit = this.rule.draw(afterBytes);
    if (limit === 0 && kind === 'cut') {
      this.request.socket.resetAndDestroy();
      return;
    }
    const { outgoing, answered } = this.upstream.open(this.request, this.response);
    outgoing.flushHeaders();
    if (outgoing.socket === null) await once(outgoing, 'socket');
    if (!(await passUpTo(limit, this.request, outgoing))) {
      this.rule.missed();
      await reply(await answered, this.response);
    } else if (kind === 'stall') {
      await this.#hang();
    } else {
      // What was passed must arrive: a reset would take it back.
      outgoing.socket?.destroySoon();
      this.request.socket.resetAndDestroy();
    }
  }

  async #breakAnswer({ kind, afterBytes }: FaultOf<'stall' | 'cut'>): Promise<void> {
    const answer = await this.#send();
    replyHead(answer, this.response);
    if (!(await passUpTo(this.rule.draw(afterBytes), answer, this.response))) {
      this.rule.missed();
    } else if (kind === 'stall') {
      await this.#hang();
      answer.destroy();
    } else {
      answer.destroy();
      this.request.socket.destroySoon();
    }
  }

  #answer(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    this.request.resume();
    this.response.writeHead(status, {
      'content-length': String(Buffer.byteLength(body)),
      ...headers,
    });
    this.response.end(body);
  }

  async #loseAnswer(): Promise<void> {
    await buffer(await this.#send());
    this.request.socket.resetAndDestroy();
  }

  async #errorInOk({
    code = 'InternalError',
    whitespace = 0,
    applied = false,
  }: FaultOf<'error-in-ok'>): Promise<void> {
    if (applied) await buffer(await this.#send());
    else this.request.resume();
    this.response.writeHead(200, { 'content-type': 'application/xml' });
    this.response.write(`<?xml version="1.0" encoding="UTF-8"?>\n${' '.repeat(whitespace)}`);
    this.response.end(s3ErrorBody(code));
  }

  async #withoutEtag(): Promise<void> {
    const answer = await this.#send();
    const headers = withHeader(answer.rawHeaders, 'etag', undefined);
    if (this.request.method === 'HEAD' || !(answer.headers['content-type'] ?? '').includes('xml')) {
      return reply(answer, this.response, { headers });
    }
    const text = (await buffer(answer)).toString().replaceAll(/<ETag>[^<]*<\/ETag>/g, '');
    const length = String(Buffer.byteLength(text));
    replyHead(answer, this.response, withHeader(headers, 'content-length', length));
    this.response.end(text);
  }

  async #changeLength(amount: Amount, sign: 1 | -1): Promise<void> {
    const answer = await this.#send();
    if (!this.#hasBody(answer)) {
      this.rule.missed();
      return reply(answer, this.response);
    }
    const bytes = this.rule.draw(amount);
    const length = answer.headers['content-length'];
    const changed =
      length === undefined ? undefined : String(Math.max(0, Number(length) + sign * bytes));
    return reply(answer, this.response, {
      headers: withHeader(answer.rawHeaders, 'content-length', changed),
      through: [sign === 1 ? extending(bytes) : truncating(bytes)],
    });
  }

  async #flip({ direction, at }: FaultOf<'flip'>): Promise<void> {
    if (direction === 'request') {
      const answer = await this.#send([this.#flipping(this.request, at)]);
      return reply(answer, this.response);
    }
    const answer = await this.#send();
    if (!this.#hasBody(answer)) {
      this.rule.missed();
      return reply(answer, this.response);
    }
    return reply(answer, this.response, { through: [this.#flipping(answer, at)] });
  }

  /** Anywhere in a body of known length when no place is given. */
  #flipping({ headers }: IncomingMessage, at: Amount | undefined): Transform {
    const last = Math.max(0, Number(headers['content-length'] ?? 1) - 1);
    return flipping(this.rule.draw(at ?? [0, last]));
  }

  async #stale({ ms }: FaultOf<'stale'>): Promise<void> {
    const url = this.request.url ?? '';
    let kept = this.rule.answers.get(url);
    if (kept === undefined || performance.now() - kept.taken >= ms) {
      this.rule.missed();
      const taken = performance.now();
      const head = await this.#send();
      kept = { taken, head, body: await buffer(head) };
      if (head.statusCode === 200) this.rule.answers.set(url, kept);
    }
    replyHead(kept.head, this.response);
    this.response.end(kept.body);
  }

  #hasBody({ statusCode = 0, headers }: IncomingMessage): boolean {
    const good = statusCode >= 200 && statusCode < 300;
    return good && this.request.method !== 'HEAD' && headers['content-length'] !== '0';
  }
}
