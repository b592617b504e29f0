/**
 * How long somebody's having seen a blob stands for its being there (milliseconds). A storage that loses blobs is noticed by
 * HEAD after twice that, once for Redis and once for the process; by GET at once.
 */
export const sizesLastFor = 10 * 60 * 1000;

/** Bodies are true for ever; this bounds what nobody asks for any more. */
export const manifestsLastFor = 24 * 60 * 60 * 1000;
