import { Controller, Get, Head, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

import { Health } from './health.js';

/**
 * What Kubernetes and load balancers ask. It says whether, never why: this address is public, the debug address is not.
 * Nothing here waits for anything.
 */
@Controller()
export class ProbesController {
  constructor(@Inject(Health) private readonly health: Health) {}

  /** Who answers has read its configuration, found its storage, and listens. */
  @Get('startupz')
  startup(@Res() reply: FastifyReply): void {
    answer(reply, 'ok');
  }

  @Head('startupz')
  startupHead(@Res() reply: FastifyReply): void {
    answer(reply, 'ok');
  }

  /** The event loop turns. A storage that is away is no reason to start anew. */
  @Get('livez')
  live(@Res() reply: FastifyReply): void {
    answer(reply, 'ok');
  }

  @Head('livez')
  liveHead(@Res() reply: FastifyReply): void {
    answer(reply, 'ok');
  }

  /** Send requests here, or not. */
  @Get('readyz')
  ready(@Res() reply: FastifyReply): void {
    answer(reply, this.#readiness());
  }

  @Head('readyz')
  readyHead(@Res() reply: FastifyReply): void {
    answer(reply, this.#readiness());
  }

  #readiness(): Status {
    if (this.health.draining) return 'shutting_down';
    return this.health.ready ? 'ok' : 'error';
  }
}

type Status = 'ok' | 'error' | 'shutting_down';

function answer(reply: FastifyReply, status: Status): void {
  void reply
    .status(status === 'ok' ? 200 : 503)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send(JSON.stringify({ status }));
}
