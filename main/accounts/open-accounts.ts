import type { ServerName, UserId } from '../../shared/ids.ts';
import { accountsTable, registrationTokensTable } from '../db/accounts.ts';
import type { Db } from '../db/db.ts';
import { devicesTable, tokensTable } from '../db/devices.ts';
import type { Platform } from '../platform.ts';
import { createAccounts } from './accounts.ts';
import { createInteractiveAuth } from './interactive-auth.ts';
import { createPasswords } from './passwords.ts';
import { createRateLimit, noRateLimit } from './rate-limit.ts';
import { createRegistration, type RegistrationMode } from './registration.ts';
import { createSessions } from './sessions.ts';

interface OpenAccountsOptions {
  readonly db: Db;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly serverName: ServerName;
  readonly registration: RegistrationMode;
  readonly sharedSecret: string | undefined;
  readonly rateLimits: boolean;
  /** The exponent of scrypt's `N`. Default: 15; less is for tests. */
  readonly passwordCost?: number;
  readonly isExclusive?: (userId: UserId) => boolean;
}

/** All that this server keeps for its users. */
export type AccountServices = ReturnType<typeof openAccounts>;

export function openAccounts(options: OpenAccountsOptions) {
  const { db, platform, serverName, registration, sharedSecret, rateLimits, passwordCost, isExclusive } = options;
  const { clock, random } = platform;

  const accounts = createAccounts({
    db,
    accounts: accountsTable(db),
    tokens: registrationTokensTable(db),
    passwords: createPasswords(random, passwordCost),
    serverName,
    clock,
    ...(isExclusive && { isExclusive }),
  });
  /** Guesses at passwords and tokens: ten at once, then one every ten seconds. */
  const limit = rateLimits ? createRateLimit({ clock, burst: 10, everyMs: 10_000 }) : noRateLimit;
  const sessions = createSessions({ db, devices: devicesTable(db), tokens: tokensTable(db), platform });
  return {
    accounts,
    sessions,
    limit,
    interactiveAuth: createInteractiveAuth({ accounts, limit, platform }),
    registration: createRegistration({ mode: registration, sharedSecret, platform }),
    newLocalpart: () => Buffer.from(random.bytes(8)).toString('hex'),
  };
}
