import type { ClusterOptions } from '../cluster/support/cluster.js';
import type { Settings } from '../cluster/support/replica.js';
import { component } from '../components/component.js';

/** Distribution in the place of the replicas, with the same bucket, Redis and load balancer. */
export const distribution: Pick<ClusterOptions, 'change' | 'main' | 'ready'> = {
  main: [component('registry') ?? 'registry', 'serve'],
  ready: '/',
  change: ({ replicas: _replicas, http, ...rest }) => {
    // What only Holdfast knows.
    const {
      workers: _workers,
      trustedproxies: _proxies,
      drainwait: _wait,
      ...known
    } = http as Settings;
    return { ...rest, http: { ...known, draintimeout: '30s' } };
  },
};
