import {
  Controller,
  Delete,
  Get,
  Head,
  Param,
  Put,
  Query as QueryParam,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { ManifestStore } from '#content/manifests/manifest-store.js';
import type { StoredManifest } from '#content/manifests/stored-manifest.js';
import { Tags } from '#content/tags.js';
import { Digest } from '#oci/digest.js';
import { BlobDamaged, DigestInvalid, ManifestUnknown, TagInvalid } from '#oci/errors.js';
import { maximumManifestSize } from '#oci/manifest.js';
import { parseReference, parseTag, type Reference, type Tag } from '#oci/reference.js';
import type { RepositoryName } from '#oci/repository-name.js';

import { PublicUrl } from '../http/public-url.js';
import { answer, contentHeaders, isNotModified } from './content-reply.js';
import { TooManyTags } from './errors.js';
import { ManifestBodies } from './manifest-body.js';
import { AcceptedTypes, childFor } from './manifest-negotiation.js';
import { MethodPolicyGuard } from './method-policy.guard.js';
import { all, ManifestReference, Name, type Query } from './params.js';

/** Tags that one push may set (distribution-spec "dev" asks for 10 at least). */
const mostTags = 100;

interface ReceivedManifest {
  readonly name: RepositoryName;
  readonly reference: Reference;
  /** Of the query. */
  readonly extra: readonly Tag[];
  readonly body: Buffer;
}

@Controller('v2/:name/manifests')
export class ManifestsController {
  /** One for the process: there is one controller. */
  readonly #bodies = new ManifestBodies(maximumManifestSize);

  constructor(
    private readonly manifests: ManifestStore,
    private readonly tags: Tags,
    private readonly urls: PublicUrl,
  ) {}

  @Get(':reference')
  async get(
    @Name() name: RepositoryName,
    @Param('reference') reference: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const stored = await this.#find(name, parseKnown(name, reference), request);
    if (answerManifest(request, reply, stored)) void this.manifests.learnSizesOnce(stored);
  }

  @Head(':reference')
  async head(
    @Name() name: RepositoryName,
    @Param('reference') reference: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const found = this.#find(name, parseKnown(name, reference), request);
    // Who looks before a push then pushes it again, which mends it.
    const stored = await found.catch((error: unknown) => {
      throw error instanceof BlobDamaged ? new ManifestUnknown(name, reference) : error;
    });
    answerManifest(request, reply, stored);
  }

  @Put(':reference')
  @UseGuards(MethodPolicyGuard)
  async put(
    @Name() name: RepositoryName,
    @ManifestReference() reference: Reference,
    @QueryParam() query: Query,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const extra = all(query, 'tag').map(parseTag);
    if (extra.length > mostTags) throw new TooManyTags(mostTags);
    if (extra.length > 0 && typeof reference === 'string') {
      throw new TagInvalid('the tag parameter goes with a push by digest', { tag: extra[0] });
    }
    await this.#bodies.receive(request.raw, (body) =>
      this.#put({ name, reference, extra, body }, request, reply),
    );
  }

  async #put(
    { name, reference, extra, body }: ReceivedManifest,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const digest = Digest.of(body, typeof reference === 'string' ? 'sha256' : reference.algorithm);
    if (typeof reference !== 'string' && !digest.equals(reference)) {
      throw new DigestInvalid('the manifest does not have the digest of the URL', {
        expected: reference.toString(),
        actual: digest.toString(),
      });
    }
    const tags = typeof reference === 'string' ? [reference] : [...new Set(extra)];
    const pushed = { body, contentType: request.headers['content-type'], digest };
    const { manifest } = await this.manifests.put(name, pushed, tags);
    if (manifest?.subject) reply.header('oci-subject', manifest.subject.digest.toString());
    if (extra.length > 0) reply.header('oci-tag', tags.join(', '));
    reply
      .header('docker-content-digest', digest.toString())
      .header(
        'location',
        this.urls.location(request.raw, `/v2/${name}/manifests/${digest.toString()}`),
      )
      .status(201)
      .send();
  }

  @Delete(':reference')
  @UseGuards(MethodPolicyGuard)
  async delete(
    @Name() name: RepositoryName,
    @Param('reference') text: string,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const reference = parseKnown(name, text);
    if (typeof reference === 'string') await this.tags.delete(name, reference);
    else await this.manifests.delete(name, reference);
    reply.status(202).send();
  }

  async #find(
    name: RepositoryName,
    reference: Reference,
    request: FastifyRequest,
  ): Promise<StoredManifest> {
    const stored = await (typeof reference === 'string'
      ? this.manifests.getTagged(name, reference)
      : this.manifests.get(name, reference));
    const child = childFor(new AcceptedTypes(request.headers.accept), { name, reference }, stored);
    return child === undefined ? stored : this.manifests.get(name, child);
  }
}

/** Whether the client did not have it already. To HEAD the same answer goes without the body. */
function answerManifest(
  request: FastifyRequest,
  reply: FastifyReply,
  { digest, mediaType, body }: StoredManifest,
): boolean {
  const headers = contentHeaders(digest);
  if (isNotModified(request, digest)) {
    answer(reply, 304, headers);
    return false;
  }
  headers['content-type'] = mediaType;
  headers['content-length'] = body.length;
  answer(reply, 200, headers, request.method === 'HEAD' ? undefined : body);
  return true;
}

/** A tag that cannot be one names nothing, so it is not found rather than wrong. */
function parseKnown(name: RepositoryName, text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    throw error instanceof TagInvalid ? new ManifestUnknown(name, text.slice(0, 200)) : error;
  }
}
