import { Controller, Get, Head, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

@Controller()
export class BaseController {
  /** Load balancers ask this; it says that the process answers, nothing about the storage. */
  @Get()
  root(@Res() reply: FastifyReply): void {
    reply.type('text/plain').send('');
  }

  @Head()
  rootHead(@Res() reply: FastifyReply): void {
    reply.send();
  }

  /** Clients ask this to learn whether they speak to a registry, and whether they have to log in. */
  @Get('v2')
  base(@Res() reply: FastifyReply): void {
    reply.type('application/json; charset=utf-8').send('{}');
  }

  @Head('v2')
  baseHead(@Res() reply: FastifyReply): void {
    reply.type('application/json; charset=utf-8').header('content-length', 2).send();
  }
}
