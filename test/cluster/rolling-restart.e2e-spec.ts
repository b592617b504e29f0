import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { DockerDaemon } from '../support/docker-daemon.js';
import { run, tryRun } from '../support/process.js';
import { tar } from '../support/tar.js';
import { TempDir } from '../support/temp-dir.js';
import { Cluster } from './support/cluster.js';
import { Load } from './support/load.js';

jest.setTimeout(1_200_000);

/** 10 in the long run (`ROUNDS=10`). */
const rounds = Number(process.env['ROUNDS'] ?? 2);

// Row A6.
describeWith(
  ['minio', 'redis-server', 'haproxy', 'dockerd', 'docker'],
  `a rollout of all replicas, ${rounds} times`,
  ({ dockerd, docker }) => {
    let cluster: Cluster;
    let daemon: DockerDaemon;
    let folder: TempDir;

    beforeAll(async () => {
      folder = await TempDir.create('rollout');
      daemon = await DockerDaemon.start(dockerd);
      cluster = await Cluster.start();
    });
    afterAll(async () => {
      await cluster?.stop();
      await daemon?.stop();
      await folder?.remove();
    });

    const rollOut = async () => {
      for (let round = 0; round < rounds; round++) {
        for (const replica of cluster.replicas) {
          expect(await replica.stop()).toEqual({ code: 0, signal: null });
          await replica.start();
          await cluster.balancer.settled(cluster.replicas.length);
        }
      }
    };

    /** An image that the registry has not seen is pushed, forgotten, and pulled again. */
    const pushAndPull = async (failed: string[]) => {
      const env = { ...process.env, ...daemon.env, DOCKER_CONFIG: folder.join('docker') };
      const reference = `${cluster.balancer.host}/team/rollout:latest`;
      const archive = folder.join('image.tar');
      await writeFile(archive, tar([{ name: 'file', content: randomBytes(3_000_000) }]));
      await run(docker, ['import', archive, reference], { env });
      for (const command of [['push'], ['rmi'], ['pull'], ['rmi']]) {
        const { code, stdout, stderr } = await tryRun(docker, [...command, reference], { env });
        if (code !== 0) failed.push(`${command.join(' ')}: ${stdout}${stderr}`);
      }
    };

    it('fails no docker push and no docker pull', async () => {
      const failed: string[] = [];
      let images = 0;
      let over = false;
      const loop = async () => {
        for (; !over; images++) await pushAndPull(failed);
      };
      const looping = loop();
      try {
        await rollOut();
      } finally {
        over = true;
        await looping;
      }
      process.stdout.write(`${images} images through docker during ${3 * rounds} restarts\n`);
      expect(failed).toEqual([]);
      expect(images).toBeGreaterThan(2);
    });

    it('fails no request of a client that never tries again', async () => {
      const load = new Load(cluster.url);
      await load.run(4, rollOut);
      process.stdout.write(
        `${load.pushed} images pushed and pulled during ${3 * rounds} restarts\n`,
      );
      expect(load.failures).toEqual([]);
    });
  },
);
