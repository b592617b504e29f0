import { z } from 'zod';

import { ignored } from '#config/key-docs.js';
import { bool, duration, integer, secret, section, text } from '#config/values.js';

const number = (meaning: string) => integer().optional().describe(meaning);
const time = (meaning: string) => duration().optional().describe(meaning);
const word = (meaning: string) => text().optional().describe(meaning);
const hidden = (meaning: string) => secret().optional().describe(meaning);
const flag = (meaning: string) => bool().optional().describe(meaning);
const words = (meaning: string) => z.array(text()).default([]).describe(meaning);

export const redisConfig = ignored(
  z
    .strictObject({
      addrs: words('Servers.'),
      mastername: word('Name of the master; turns Sentinel on.'),
      username: word('Account.'),
      password: hidden('Password.'),
      sentinelusername: word('Account at the sentinels.'),
      sentinelpassword: hidden('Password at the sentinels.'),
      db: integer({ min: 0 }).default(0).describe('Number of the database.'),
      protocol: number('Version of the protocol.'),
      clientname: word('Name of the connections.'),
      identitysuffix: word('End of that name.'),
      disableidentity: flag('Sends no name.'),
      tls: section({
        enabled: flag('Turns TLS on.'),
        certificate: word('PEM file: certificate of the client.'),
        key: word('PEM file: its private key.'),
        rootcas: words('PEM files: authorities of the servers.'),
      }),
      dialtimeout: time('Time to connect.'),
      readtimeout: time('Time to read an answer.'),
      writetimeout: time('Time to send a command.'),
      contexttimeoutenabled: flag('Lets requests set those times.'),
      maxretries: number('Tries of a command.'),
      minretrybackoff: time('Shortest time between two tries.'),
      maxretrybackoff: time('Longest time between two tries.'),
      poolsize: number('Connections per core.'),
      poolfifo: flag('Takes the connection that waited longest.'),
      pooltimeout: time('Time to wait for a connection.'),
      minidleconns: number('Fewest idle connections.'),
      maxidleconns: number('Most idle connections.'),
      maxactiveconns: number('Most connections.'),
      connmaxidletime: time('Time after which an idle connection is closed.'),
      connmaxlifetime: time('Time after which any connection is closed.'),
      maxredirects: number('Redirections of a cluster to follow.'),
      readonly: flag('Reads from replicas of a cluster.'),
      routebylatency: flag('Reads from the nearest of them.'),
      routerandomly: flag('Reads from any of them.'),
      unstableresp3: flag('Takes answers of modules in version 3 of the protocol.'),
      addr: word('Server, as Distribution 2 named it.'),
      pool: section({
        maxidle: number('Most idle connections, as Distribution 2 named it.'),
        maxactive: number('Most connections, as Distribution 2 named it.'),
        idletimeout: time('Time of an idle connection, as Distribution 2 named it.'),
      }),
    })
    .optional()
    .describe('A Redis to share what is cached.'),
  'each process keeps what it read in its own memory',
);
