import { describe, expect, it } from '@jest/globals';

import { isHostAndPort, isHostField } from './host-name.js';

describe('isHostField', () => {
  it.each(['[fe80::1%25eth0]:5000', '[fe80::1%eth0]:5000', '[fe80::1%25br-0.1~a_b%20]', '[::1]'])(
    'takes the address %p',
    (host) => {
      expect(isHostField(host)).toBe(true);
    },
  );

  it.each(['[fe80::1%]', '[%eth0]', '[fe80::1%a/b]', '[fe80::1%a@b]', '[::1%a%zz]', '[::1%a]]'])(
    'refuses %p',
    (host) => {
      expect(isHostField(host)).toBe(false);
    },
  );
});

describe('isHostAndPort', () => {
  it.each(['[fe80::1%25eth0]:5000', '[fe80::1%eth0]:5000'])(
    'knows %p for one that means nothing to others',
    (host) => {
      expect(isHostAndPort(host)).toBe(false);
    },
  );
});
