import { Controller, Get, Query as QueryParam, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { Repositories } from '#content/repositories/repositories.js';
import { Tags } from '#content/tags.js';
import { NameUnknown } from '#oci/errors.js';
import type { RepositoryName } from '#oci/repository-name.js';

import { PageLimits } from './page-limits.js';
import { setNextPage } from './page-link.js';
import { Name, one, pageSize, type Query } from './params.js';

@Controller('v2/:name/tags')
export class TagsController {
  constructor(
    private readonly tags: Tags,
    private readonly repositories: Repositories,
    private readonly limits: PageLimits,
  ) {}

  @Get('list')
  async list(
    @Name() name: RepositoryName,
    @QueryParam() query: Query,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const limit = pageSize(query, this.limits.tags);
    const page = await this.tags.list(name, { limit, after: one(query, 'last') });
    if (page.tags.length === 0 && !(await this.repositories.exists(name))) {
      throw new NameUnknown(name);
    }
    const last = page.tags.at(-1);
    if (page.more && last !== undefined) {
      setNextPage(reply, request, { n: String(limit), last });
    }
    reply.type('application/json; charset=utf-8').send(JSON.stringify({ name, tags: page.tags }));
  }
}
