import { connect } from 'node:net';

import { listenAddress } from '../../http/listen-address.js';
import type { HealthCheck } from '../health-check.js';
import type { HealthConfig } from '../health-config.js';

/** Fails unless an address takes connections. */
export function tcpCheck({
  addr,
  interval,
  threshold,
  timeout,
}: HealthConfig['tcp'][number]): HealthCheck {
  return { name: addr, interval, threshold, timeout, run: (signal) => connects(addr, signal) };
}

function connects(addr: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...listenAddress({ addr, net: 'tcp' }), signal });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new Error(`${addr}: connection failed: ${error.message || (error.code ?? error.name)}`),
      );
    });
  });
}
