export type Environment = Readonly<Record<string, string | undefined>>;

/** The one place that looks at the environment of the process. */
export function environment(): Environment {
  return process.env;
}

/** The variables that configure, by name, without what Kubernetes adds for services called `registry` or `registry-…`. */
export function registryVariables(env: Environment): Map<string, string> {
  const variables = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith('REGISTRY_') && value !== undefined) variables.set(name, value);
  }
  return variables;
}

const serviceLinks: readonly (readonly [name: RegExp, value: RegExp])[] = [
  [/_SERVICE_HOST$/, /^[0-9a-fA-F.:]+$/],
  [/_SERVICE_PORT(?:_[A-Z0-9_]+)?$/, /^\d{1,5}$/],
  [/_PORT$/, /^(?:tcp|udp|sctp):\/\/\S+:\d{1,5}$/],
  [/_PORT_\d{1,5}_(?:TCP|UDP|SCTP)$/, /^(?:tcp|udp|sctp):\/\/\S+:\d{1,5}$/],
  [/_PORT_\d{1,5}_(?:TCP|UDP|SCTP)_PROTO$/, /^(?:tcp|udp|sctp)$/],
  [/_PORT_\d{1,5}_(?:TCP|UDP|SCTP)_PORT$/, /^\d{1,5}$/],
  [/_PORT_\d{1,5}_(?:TCP|UDP|SCTP)_ADDR$/, /^[0-9a-fA-F.:]+$/],
];

/** Whether name and value both look like what Kubernetes puts into every container of a namespace. */
export function isServiceLink(name: string, value: string): boolean {
  return serviceLinks.some(([names, values]) => names.test(name) && values.test(value));
}
