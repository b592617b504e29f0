import { describe, expect, it } from '@jest/globals';

import { describeAccessController } from '../testing/access-controller.suite.js';
import { SillyAccessController } from './silly-access-controller.js';

describe('SillyAccessController', () => {
  describeAccessController(() => ({
    controller: new SillyAccessController('a "test" realm', 'registry'),
    accepted: [
      ['seriously, anything', 'silly'],
      ['Basic eA==', 'silly'],
    ],
    refused: [undefined, ''],
  }));

  it('challenges with the scopes, wished ones too, that a token would need', async () => {
    const attempt = new SillyAccessController('https://auth.example/token', 'registry').authorize({
      authorization: undefined,
      required: [{ type: 'repository', name: 'app', actions: ['pull', 'push'] }],
      wished: [{ type: 'repository', name: 'base', actions: ['pull'] }],
    });
    await expect(attempt).rejects.toMatchObject({
      challenge:
        'Bearer realm="https://auth.example/token",service="registry",scope="repository:app:pull,push repository:base:pull"',
    });
  });
});
