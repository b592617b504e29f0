import { type DynamicModule, Module } from '@nestjs/common';

import { Log } from '#telemetry/log.js';

import { AccessController } from './access-controller.js';
import type { AuthConfig } from './auth-config.js';
import type { FirstAccount } from './htpasswd/create-htpasswd-file.js';
import { HtpasswdAccessController } from './htpasswd/htpasswd-access-controller.js';
import { HtpasswdFile } from './htpasswd/htpasswd-file.js';
import { OpenAccess } from './none/open-access.js';
import { SillyAccessController } from './silly/silly-access-controller.js';

/** Provides {@link AccessController}; needs {@link Log} from a global module. */
@Module({})
export class AuthModule {
  /** @param show takes the account of an htpasswd file that was missing and has been made */
  static register(
    config: AuthConfig,
    show: (account: FirstAccount) => void = showOnTerminal,
  ): DynamicModule {
    return {
      module: AuthModule,
      providers: [
        {
          provide: AccessController,
          useFactory: (log: Log) => createAccessController(config, log, show),
          inject: [Log],
        },
      ],
      exports: [AccessController],
    };
  }
}

async function createAccessController(
  config: AuthConfig,
  log: Log,
  show: (account: FirstAccount) => void,
): Promise<AccessController> {
  switch (config.scheme) {
    case 'none':
      return new OpenAccess();
    case 'silly':
      return new SillyAccessController(config.realm, config.service);
    case 'htpasswd':
      return new HtpasswdAccessController(
        config.realm,
        await HtpasswdFile.open(config.path, { log, show }),
      );
  }
}

/** Not through the log: that goes to collectors and is kept. */
function showOnTerminal({ path, user, password }: FirstAccount): void {
  process.stderr.write(
    `\nThere was no ${path}: made it with one account. This is shown once and kept nowhere else.\n` +
      `  user      ${user}\n  password  ${password}\n\n`,
  );
}
