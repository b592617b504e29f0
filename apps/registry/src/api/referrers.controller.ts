import { Controller, Get, Query as QueryParam, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { Referrers } from '#content/referrers.js';
import type { Digest } from '#oci/digest.js';
import { maximumManifestSize } from '#oci/manifest.js';
import { MediaType } from '#oci/media-type.js';
import type { RepositoryName } from '#oci/repository-name.js';

import { setNextPage } from './page-link.js';
import { Name, one, PathDigest, type Query } from './params.js';

/** Bytes of descriptors in one page: with what is around them an index stays below the size that clients read. */
const pageBytes = maximumManifestSize - 1024;

@Controller('v2/:name/referrers')
export class ReferrersController {
  constructor(private readonly referrers: Referrers) {}

  @Get(':digest')
  async list(
    @Name() name: RepositoryName,
    @PathDigest() subject: Digest,
    @QueryParam() query: Query,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const artifactType = one(query, 'artifactType') || undefined;
    const after = one(query, 'last');
    const { page, next } = await this.#firstPage(name, subject, { artifactType, after });
    if (artifactType !== undefined) reply.header('oci-filters-applied', 'artifactType');
    if (next !== undefined) {
      const query = { ...(artifactType !== undefined && { artifactType }), last: next };
      setNextPage(reply, request, query);
    }
    const text = `{"schemaVersion":2,"mediaType":"${MediaType.ociIndex}","manifests":[${page.join(',')}]}`;
    // As bytes: to a text the framework would add a charset, which the media type does not have.
    reply.header('content-type', MediaType.ociIndex).send(Buffer.from(text));
  }

  /** At least one, however large it is; and what the next page begins after, if there is one. */
  async #firstPage(
    name: RepositoryName,
    subject: Digest,
    { artifactType, after }: { artifactType: string | undefined; after: string | undefined },
  ): Promise<{ page: string[]; next?: string }> {
    const page: string[] = [];
    let bytes = 0;
    let last = '';
    for await (const referrer of this.referrers.list(name, subject, after)) {
      if (artifactType !== undefined && referrer.artifactType !== artifactType) continue;
      const text = JSON.stringify(referrer);
      bytes += Buffer.byteLength(text) + 1;
      if (bytes > pageBytes && page.length > 0) return { page, next: last };
      page.push(text);
      last = referrer.digest.toString();
    }
    return { page };
  }
}
