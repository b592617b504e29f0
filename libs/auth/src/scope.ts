type RepositoryAction = 'pull' | 'push' | 'delete';

/** What a request wants to do, as the token specification of Docker says it. */
export interface Scope {
  readonly type: 'repository' | 'registry';
  readonly name: string;
  readonly actions: readonly (RepositoryAction | '*')[];
}

/** The text form, several separated by a space: `repository:library/alpine:pull,push`. */
export function formatScopes(scopes: readonly Scope[]): string {
  return scopes.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`).join(' ');
}

/** What was asked for, one action each, in the shape that Distribution puts into the `detail` of a 401. */
export function describeScopes(scopes: readonly Scope[]): readonly object[] {
  return scopes.flatMap(({ type, name, actions }) =>
    actions.map((action) => ({ Type: type, Class: '', Name: name, Action: action })),
  );
}
