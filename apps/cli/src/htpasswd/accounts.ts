/** The lines of an htpasswd file. Comments, empty lines and what we cannot read stay as they are. */
export class Accounts {
  private constructor(private readonly lines: readonly string[]) {}

  static parse(text: string): Accounts {
    const lines = text.split('\n');
    if (lines.at(-1) === '') lines.pop();
    return new Accounts(lines);
  }

  /** The hash that the registry goes by: of the last line for the account, up to a comment behind a second colon. */
  hashOf(user: string): string | undefined {
    const line = this.lines.findLast((known) => isFor(known, user));
    return line
      ?.slice(user.length + 1)
      .split(':', 1)[0]
      ?.trimEnd();
  }

  /** With this hash for the account, in its old place if it had one. */
  with(user: string, hash: string): Accounts {
    const line = `${user}:${hash}`;
    const index = this.lines.findIndex((known) => isFor(known, user));
    if (index === -1) return new Accounts([...this.lines, line]);
    const others = this.lines.filter((known, at) => at <= index || !isFor(known, user));
    return new Accounts(others.with(index, line));
  }

  without(user: string): Accounts {
    return new Accounts(this.lines.filter((line) => !isFor(line, user)));
  }

  toString(): string {
    return this.lines.map((line) => `${line}\n`).join('');
  }
}

function isFor(line: string, user: string): boolean {
  return line.startsWith(`${user}:`);
}
