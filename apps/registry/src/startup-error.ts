/** Why the server does not start, in one line for the person who starts it: the key, what is wrong, what to do. */
export class StartupError extends Error {
  override readonly name = 'StartupError';

  /** @param key the key of the configuration that is to blame, `http.addr` for example. */
  constructor(
    readonly key: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${key}: ${problem}`, options);
  }
}
