import { Controller, Get, Query as QueryParam, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { Repositories } from '#content/repositories/repositories.js';

import { PageLimits } from './page-limits.js';
import { setNextPage } from './page-link.js';
import { one, pageSize, type Query } from './params.js';

@Controller('v2/_catalog')
export class CatalogController {
  constructor(
    private readonly repositories: Repositories,
    private readonly limits: PageLimits,
  ) {}

  @Get()
  async list(
    @QueryParam() query: Query,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const limit = pageSize(query, this.limits.catalog);
    const { names, more } =
      limit === 0
        ? { names: [], more: false }
        : await this.repositories.list({ limit, after: one(query, 'last') });
    const last = names.at(-1);
    if (more && last !== undefined) {
      setNextPage(reply, request, { n: String(limit), last });
    }
    reply.type('application/json; charset=utf-8').send(JSON.stringify({ repositories: names }));
  }
}
