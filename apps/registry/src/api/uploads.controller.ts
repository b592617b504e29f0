import {
  Controller,
  Delete,
  Get,
  Patch,
  Post,
  Put,
  Query as QueryParam,
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
import { chunkOf, Session, type SessionUrl } from './upload-request.js';

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
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const mount = one(query, 'mount');
    const mounted = mount && (await this.#mount(name, mount, one(query, 'from'), reply.request));
    if (mounted) return sendCreated(reply, { name, digest: mounted, urls: this.urls });
    const owner = { name, subject: subjectOf(reply.request) };
    const state = this.uploads.begin(owner, algorithmOf(one(query, 'digest-algorithm')));
    const digest = one(query, 'digest');
    if (digest !== undefined && !mount) return this.#commit(state, Digest.parse(digest), reply);
    this.#sendState(reply, 202, state);
  }

  @Patch(':session')
  @UseGuards(MethodPolicyGuard)
  async append(@Session() url: SessionUrl, @Res() reply: FastifyReply): Promise<void> {
    const state = this.#open(url);
    const chunk = chunkOf(reply.request) ?? { bytes: noBytes(), length: new BodyLength(0) };
    this.#sendState(reply, 202, await this.uploads.append(state, chunk));
  }

  @Put(':session')
  @UseGuards(MethodPolicyGuard)
  async commit(@Session() url: SessionUrl, @Res() reply: FastifyReply): Promise<void> {
    const state = this.#open(url);
    if (url.digest === undefined) {
      throw new DigestInvalid('the digest parameter is missing: it completes the upload');
    }
    await this.#commit(state, Digest.parse(url.digest), reply);
  }

  @Get(':session')
  async status(@Session() url: SessionUrl, @Res() reply: FastifyReply): Promise<void> {
    this.#sendState(reply, 204, await this.uploads.status(this.#open(url)));
  }

  @Delete(':session')
  @UseGuards(MethodPolicyGuard)
  async cancel(@Session() url: SessionUrl, @Res() reply: FastifyReply): Promise<void> {
    await this.uploads.cancel(this.#open(url));
    reply.header('docker-upload-uuid', url.session).status(204).send();
  }

  #open({ owner, session, state }: SessionUrl): UploadState {
    return this.uploads.open(owner, session, state);
  }

  #sendState(reply: FastifyReply, status: 202 | 204, state: UploadState): void {
    setUploadHeaders(reply, { state, uploads: this.uploads, urls: this.urls });
    reply.status(status).send();
  }

  async #commit(state: UploadState, digest: Digest, reply: FastifyReply): Promise<void> {
    await this.uploads.commit(state, digest, chunkOf(reply.request));
    sendCreated(reply, { name: state.name, digest, urls: this.urls });
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
