import { StorageRefused } from '../bucket/object-store.js';

export interface Endpoint {
  readonly interface: string;
  readonly region: string | undefined;
  readonly url: string;
}

/** The endpoint of the object store that the configuration asks for. @throws {StorageRefused} */
export function chooseEndpoint(
  endpoints: readonly Endpoint[],
  wanted: { readonly region?: string | undefined; readonly endpointtype: string },
): string {
  const found = endpoints.find(
    (each) =>
      each.interface === wanted.endpointtype &&
      (wanted.region === undefined || each.region === wanted.region),
  );
  if (found !== undefined) return found.url.replace(/\/+$/, '');
  if (endpoints.length === 0) {
    throw new StorageRefused(
      'the catalog of storage.swift.authurl has no object store: set storage.swift.tenant or tenantid to a project that has one',
    );
  }
  const known = endpoints.map((each) => `${each.interface} in ${each.region ?? 'no region'}`);
  throw new StorageRefused(
    `the catalog of storage.swift.authurl has no ${wanted.endpointtype} object store${wanted.region === undefined ? '' : ` in region ${wanted.region}`}, but ${[...new Set(known)].join(', ')}: correct storage.swift.region or endpointtype`,
  );
}
