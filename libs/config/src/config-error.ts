/** The configuration cannot be used. One line per problem, each naming its key; none shows a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly lines: readonly string[]) {
    super(lines.join('\n'));
  }
}
