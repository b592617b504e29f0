import { describe, expect, it } from '@jest/globals';

import { TooManyRequests } from '#oci/errors.js';

import { BcryptHash } from './bcrypt-hash.js';
import { HashingQueue } from './hashing-queue.js';
import { HtpasswdUsers } from './htpasswd-users.js';
import { PasswordVerifier } from './password-verifier.js';
import type { Source } from './source.js';

/** Counts what is really hashed. */
class CountingQueue extends HashingQueue {
  checks = 0;

  override run(check: () => Promise<boolean>, source?: Source): Promise<boolean> {
    this.checks++;
    return super.run(check, source);
  }
}

const usersWith = async (password: string) =>
  HtpasswdUsers.parse(
    `anna:${await BcryptHash.of(password, 4)}\nben:${await BcryptHash.of('b', 4)}`,
  );

const anna = { user: 'anna', password: 'secret' };

describe('PasswordVerifier', () => {
  it('tells right from wrong', async () => {
    const users = await usersWith('secret');
    const verifier = new PasswordVerifier();
    expect(await verifier.verify(anna, users)).toBe(true);
    expect(await verifier.verify({ ...anna, password: 'Secret' }, users)).toBe(false);
    expect(await verifier.verify({ ...anna, user: 'ben' }, users)).toBe(false);
    expect(await verifier.verify({ ...anna, user: 'nobody' }, users)).toBe(false);
  });

  it('hashes once for sixteen clients with one password, and not again after', async () => {
    const users = await usersWith('secret');
    const queue = new CountingQueue();
    const verifier = new PasswordVerifier(queue);
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => verifier.verify({ ...anna }, users)),
    );
    expect(answers).toEqual(answers.map(() => true));
    expect(await verifier.verify(anna, users)).toBe(true);
    expect(queue.checks).toBe(1);
  });

  it('hashes once for sixteen clients with one wrong password, and remembers nothing', async () => {
    const users = await usersWith('secret');
    const queue = new CountingQueue();
    const verifier = new PasswordVerifier(queue);
    const wrong = { ...anna, password: 'guess' };
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => verifier.verify(wrong, users)),
    );
    expect(answers).toEqual(answers.map(() => false));
    expect(queue.checks).toBe(1);
    expect(await verifier.verify(wrong, users)).toBe(false);
    expect(queue.checks).toBe(2);
  });

  it('asks for itself when a crowded place loses the turn that it shared', async () => {
    const users = await usersWith('secret');
    const queue = new HashingQueue({ waiting: 3, patience: 60_000 });
    const verifier = new PasswordVerifier(queue);
    const running = Promise.withResolvers<boolean>();
    const crowd = ['198.51.100.1'];
    const all = [1, 2, 3].map((number) =>
      queue.run(number === 1 ? () => running.promise : async () => true, crowd),
    );
    const ended = Promise.allSettled(all);
    const fromCrowd = verifier.verify(anna, users, () => crowd);
    const fromElsewhere = verifier.verify(anna, users, () => ['203.0.113.7']);
    const other = queue.run(async () => true, ['192.0.2.1']);
    await expect(fromCrowd).rejects.toThrow(TooManyRequests);
    running.resolve(true);
    expect(await Promise.all([fromElsewhere, other])).toEqual([true, true]);
    await ended;
  });

  it('asks once for all that shared a turn which a crowded place lost', async () => {
    const users = await usersWith('secret');
    const queue = new CountingQueue({ waiting: 3, patience: 60_000 });
    const verifier = new PasswordVerifier(queue);
    const running = Promise.withResolvers<boolean>();
    const crowd = ['198.51.100.1'];
    const ended = [1, 2, 3].map((number) =>
      queue.run(number === 1 ? () => running.promise : async () => true, crowd),
    );
    const fromCrowd = verifier.verify(anna, users, () => crowd);
    const fromElsewhere = Array.from({ length: 16 }, () =>
      verifier.verify(anna, users, () => ['203.0.113.7']),
    );
    const answered = Promise.allSettled([...fromElsewhere, ...ended]);
    queue.checks = 0;
    const other = queue.run(async () => true, ['192.0.2.1']);
    await expect(fromCrowd).rejects.toThrow(TooManyRequests);
    running.resolve(true);
    await Promise.all([other, answered]);
    expect(await Promise.all(fromElsewhere)).toEqual(fromElsewhere.map(() => true));
    expect(queue.checks).toBe(2);
  });

  it('forgets a password when the file has another one', async () => {
    const verifier = new PasswordVerifier();
    expect(await verifier.verify(anna, await usersWith('secret'))).toBe(true);
    expect(await verifier.verify(anna, await usersWith('changed'))).toBe(false);
  });

  it('forgets a password when the user is removed', async () => {
    const verifier = new PasswordVerifier();
    expect(await verifier.verify(anna, await usersWith('secret'))).toBe(true);
    expect(await verifier.verify(anna, HtpasswdUsers.none)).toBe(false);
  });

  it('hashes for a user who is not there, too', async () => {
    const queue = new CountingQueue();
    const verifier = new PasswordVerifier(queue);
    await verifier.verify({ user: 'nobody', password: 'x' }, await usersWith('secret'));
    expect(queue.checks).toBe(1);
  });

  it('does not mix up where the user ends and the password begins', async () => {
    const users = HtpasswdUsers.parse(
      `ab:${await BcryptHash.of('c', 4)}\na:${await BcryptHash.of('x', 4)}`,
    );
    const verifier = new PasswordVerifier();
    expect(await verifier.verify({ user: 'ab', password: 'c' }, users)).toBe(true);
    expect(await verifier.verify({ user: 'a', password: 'bc' }, users)).toBe(false);
  });
});
