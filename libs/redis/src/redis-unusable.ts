/** A setting that no Redis could be reached with. The key is that below `redis`, for example `tls.key`. */
export class RedisUnusable extends Error {
  override readonly name = 'RedisUnusable';
  constructor(
    readonly key: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${key}: ${reason}`, options);
  }
}
