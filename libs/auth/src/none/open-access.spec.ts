import { describe } from '@jest/globals';

import { describeAccessController } from '../testing/access-controller.suite.js';
import { OpenAccess } from './open-access.js';

describe('OpenAccess', () => {
  describeAccessController(() => ({
    controller: new OpenAccess(),
    accepted: [
      [undefined, ''],
      ['Basic eA==', ''],
    ],
    refused: [],
  }));
});
