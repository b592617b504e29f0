import type { IncomingMessage } from 'node:http';

/** The operations that a subresource stands for, by method, in the order in which they are looked for. */
const bucketOperations: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  GET: [
    ['list-type', 'ListObjectsV2'],
    ['uploads', 'ListMultipartUploads'],
    ['versions', 'ListObjectVersions'],
    ['location', 'GetBucketLocation'],
    ['versioning', 'GetBucketVersioning'],
    ['lifecycle', 'GetBucketLifecycleConfiguration'],
    ['', 'ListObjects'],
  ],
  HEAD: [['', 'HeadBucket']],
  PUT: [
    ['versioning', 'PutBucketVersioning'],
    ['lifecycle', 'PutBucketLifecycleConfiguration'],
    ['', 'CreateBucket'],
  ],
  POST: [['delete', 'DeleteObjects']],
  DELETE: [['', 'DeleteBucket']],
};
const objectOperations: typeof bucketOperations = {
  GET: [
    ['uploadId', 'ListParts'],
    ['attributes', 'GetObjectAttributes'],
    ['tagging', 'GetObjectTagging'],
    ['', 'GetObject'],
  ],
  HEAD: [['', 'HeadObject']],
  PUT: [
    ['uploadId', 'UploadPart'],
    ['tagging', 'PutObjectTagging'],
    ['', 'PutObject'],
  ],
  POST: [
    ['uploads', 'CreateMultipartUpload'],
    ['uploadId', 'CompleteMultipartUpload'],
  ],
  DELETE: [
    ['uploadId', 'AbortMultipartUpload'],
    ['tagging', 'DeleteObjectTagging'],
    ['', 'DeleteObject'],
  ],
};
const copies: Readonly<Record<string, string>> = {
  UploadPart: 'UploadPartCopy',
  PutObject: 'CopyObject',
};

/** What S3 calls a request that has its bucket in the path; the method, where S3 has no such operation. */
export function s3Operation({ method = '', url = '/', headers }: IncomingMessage): string {
  const { path, query } = splitUrl(url);
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/.exec(path) ?? [];
  if (bucket === '') return method === 'GET' ? 'ListBuckets' : method;
  const operations = (key === '' ? bucketOperations : objectOperations)[method] ?? [];
  const name = operations.find(([parameter]) => parameter === '' || query.has(parameter))?.[1];
  if (name === undefined) return method;
  return (headers['x-amz-copy-source'] === undefined ? undefined : copies[name]) ?? name;
}

export function splitUrl(url: string): { readonly path: string; readonly query: URLSearchParams } {
  const mark = url.indexOf('?');
  return mark === -1
    ? { path: url, query: new URLSearchParams() }
    : { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) };
}
