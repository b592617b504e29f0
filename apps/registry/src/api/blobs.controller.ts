import { Controller, Delete, Get, Head, Req, Res, UseGuards } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { BlobStore } from '#content/blobs/blob-store.js';
import type { Digest } from '#oci/digest.js';
import type { RepositoryName } from '#oci/repository-name.js';

import { PublicUrl } from '../http/public-url.js';
import { parseRange } from './byte-ranges.js';
import { answer, blobHeaders, isNotModified, sendContent, sendElsewhere } from './content-reply.js';
import { MethodPolicyGuard } from './method-policy.guard.js';
import { BlobDigest, Name } from './params.js';

@Controller('v2/:name/blobs')
export class BlobsController {
  constructor(
    private readonly blobs: BlobStore,
    private readonly urls: PublicUrl,
  ) {}

  @Head(':digest')
  async head(
    @Name() name: RepositoryName,
    @BlobDigest() digest: Digest,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const size = await this.blobs.stat(name, digest);
    const headers = blobHeaders(digest);
    if (isNotModified(request, digest)) return answer(reply, 304, headers);
    headers['content-length'] = size;
    answer(reply, 200, headers);
  }

  @Get(':digest')
  async get(
    @Name() name: RepositoryName,
    @BlobDigest() digest: Digest,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (this.blobs.hasAddresses) {
      const clientAddress = this.urls.clientAddress(request.raw);
      const address = await this.blobs.addressOf(name, digest, { method: 'GET', clientAddress });
      if (address !== undefined) return sendElsewhere(reply, digest, address);
    }
    const blob = await this.blobs.open(name, digest);
    const headers = blobHeaders(digest);
    if (isNotModified(request, digest)) return answer(reply, 304, headers);
    const condition = request.headers['if-range'];
    const asked = condition === undefined || condition === `"${digest.toString()}"`;
    const range = asked ? rangeOf(request, reply, blob.size) : undefined;
    const status = range === undefined ? 200 : 206;
    if (range !== undefined) {
      headers['content-range'] = `bytes ${range.start}-${range.end}/${blob.size}`;
    }
    headers['content-length'] = range === undefined ? blob.size : range.end - range.start + 1;
    if (blob.whole !== undefined) {
      const bytes =
        range === undefined ? blob.whole : blob.whole.subarray(range.start, range.end + 1);
      return answer(reply, status, headers, bytes);
    }
    const content = await blob.read(range);
    try {
      await sendContent(reply, status, headers, content);
    } catch (error) {
      // What cannot be looked at now is for whoever asks next.
      await this.blobs.contents.noteFailedRead(digest, blob.size).catch(() => undefined);
      throw error;
    }
  }

  /** Takes the blob from this repository. Its bytes stay while another repository, or a collector's grace, keeps them. */
  @Delete(':digest')
  @UseGuards(MethodPolicyGuard)
  async delete(
    @Name() name: RepositoryName,
    @BlobDigest() digest: Digest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.blobs.delete(name, digest);
    reply.header('docker-content-digest', digest.toString()).status(202).send();
  }
}

function rangeOf(request: FastifyRequest, reply: FastifyReply, size: number) {
  const { range } = request.headers;
  // RFC 9110, §15.5.17: an answer of 416 tells the size.
  if (range !== undefined) reply.header('content-range', `bytes */${size}`);
  const parsed = parseRange(range, size);
  reply.removeHeader('content-range');
  return parsed;
}
