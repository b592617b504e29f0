import { jest } from '@jest/globals';

import {
  describeConformance,
  suiteTimeoutMs,
  validation,
} from '../conformance/conformance-suites.js';
import { Cluster } from './support/cluster.js';

jest.setTimeout(suiteTimeoutMs);

describeConformance(
  'OCI conformance of three replicas over one bucket, each request to another',
  ['minio', 'redis-server', 'haproxy'],
  async () => {
    const cluster = await Cluster.start({ change: (config) => ({ ...config, validation }) });
    return { host: cluster.balancer.host, url: cluster.url, stop: () => cluster.stop() };
  },
);
