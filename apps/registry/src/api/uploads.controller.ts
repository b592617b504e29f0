import {
  Controller,
  Delete,
  Get,
  Param,
  Patch,
  Post,
  Put,
  Query as QueryParam,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { BlobStore } from '#content/blobs/blob-store.js';
import { BodyLength } from '#content/uploads/upload-body.js';
import { UploadSessions } from '#content/uploads/upload-sessions.js';
import type { UploadState } from '#content/uploads/upload-state.js';
import { Digest, type DigestAlgorithm, isDigestAlgorithm } from '#oci/digest.js';
import { BlobUnknown, DigestInvalid } from '#oci/errors.js';
import { isRepositoryName, type RepositoryName } from '#oci/repository-name.js';

import { PublicUrl } from '../http/public-url.js';
import { subjectOf } from './grant.js';
import { MethodPolicyGuard } from './method-policy.guard.js';
import { Name, one, type Query } from './params.js';
import { sendCreated, setUploadHeaders } from './upload-reply.js';
import { chunkOf } from './upload-request.js';

@Controller('v2/:name/blobs/uploads')
export class UploadsController {
  constructor(
    private readonly uploads: UploadSessions,
    private readonly blobs: BlobStore,
    private readonly urls: PublicUrl,
  ) {}

  /** Begins an upload; or mounts a blob; or takes it whole when the digest is given. */
  @Post()
  @UseGuards(MethodPolicyGuard)
  async begin(
    @Name() name: RepositoryName,
    @QueryParam() query: Query,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const mount = one(query, 'mount');
    const mounted = mount && (await this.#mount(name, mount, one(query, 'from'), request));
    if (mounted) return sendCreated(reply, request, { name, digest: mounted, urls: this.urls });
    const state = this.uploads.begin(
      { name, subject: subjectOf(request) },
      algorithmOf(one(query, 'digest-algorithm')),
    );
    const digest = one(query, 'digest');
    if (digest !== undefined && !mount) {
      return this.#commit(state, Digest.parse(digest), request, reply);
    }
    setUploadHeaders(reply, request, { state, uploads: this.uploads, urls: this.urls });
    reply.status(202).send();
  }

  @Patch(':session')
  @UseGuards(MethodPolicyGuard)
  async append(
    @Name() name: RepositoryName,
    @Param('session') session: string,
    @QueryParam() query: Query,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const state = this.#open(name, session, query, request);
    const chunk = chunkOf(request) ?? { bytes: noBytes(), length: new BodyLength(0) };
    const next = await this.uploads.append(state, chunk);
    setUploadHeaders(reply, request, { state: next, uploads: this.uploads, urls: this.urls });
    reply.status(202).send();
  }

  @Put(':session')
  @UseGuards(MethodPolicyGuard)
  async commit(
    @Name() name: RepositoryName,
    @Param('session') session: string,
    @QueryParam() query: Query,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const state = this.#open(name, session, query, request);
    const digest = one(query, 'digest');
    if (digest === undefined) {
      throw new DigestInvalid('the digest parameter is missing: it completes the upload');
    }
    await this.#commit(state, Digest.parse(digest), request, reply);
  }

  @Get(':session')
  async status(
    @Name() name: RepositoryName,
    @Param('session') session: string,
    @QueryParam() query: Query,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const state = await this.uploads.status(this.#open(name, session, query, request));
    setUploadHeaders(reply, request, { state, uploads: this.uploads, urls: this.urls });
    reply.status(204).send();
  }

  @Delete(':session')
  @UseGuards(MethodPolicyGuard)
  async cancel(
    @Name() name: RepositoryName,
    @Param('session') session: string,
    @QueryParam() query: Query,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.uploads.cancel(this.#open(name, session, query, request));
    reply.header('docker-upload-uuid', session).status(204).send();
  }

  #open(name: RepositoryName, session: string, query: Query, request: FastifyRequest): UploadState {
    const owner = { name, subject: subjectOf(request) };
    return this.uploads.open(owner, session, one(query, '_state'));
  }

  async #commit(
    state: UploadState,
    digest: Digest,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    await this.uploads.commit(state, digest, chunkOf(request));
    sendCreated(reply, request, { name: state.name, digest, urls: this.urls });
  }

  /**
   * Any case in which the blob cannot be had is answered as an upload, which does not show whether the blob exists
   * (distribution-spec, §"Mounting a blob from another repository"); so is one that asks for no blob, as Distribution does.
   */
  async #mount(
    name: RepositoryName,
    mount: string,
    from: string | undefined,
    request: FastifyRequest,
  ): Promise<Digest | undefined> {
    const digest = Digest.tryParse(mount);
    if (digest === undefined || (from !== undefined && !isRepositoryName(from))) return undefined;
    // Without `from` the blob may be anybody's: that takes the right to pull everything.
    const source = { type: 'repository', name: from ?? '*', actions: ['pull'] } as const;
    if (request.grant?.allows(source) === false) return undefined;
    try {
      await this.blobs.mount(name, digest, from);
      return digest;
    } catch (error) {
      if (error instanceof BlobUnknown) return undefined;
      throw error;
    }
  }
}

function algorithmOf(text: string | undefined): DigestAlgorithm {
  if (text === undefined) return 'sha256';
  if (isDigestAlgorithm(text)) return text;
  throw new DigestInvalid('digest-algorithm is neither sha256 nor sha512', {
    algorithm: text.slice(0, 100),
  });
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}
