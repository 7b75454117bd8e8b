import type { ServerName, UserId } from '../../shared/ids.ts';
import { parseUserId } from '../../shared/ids.ts';
import { invalidParam, MatrixError } from '../../shared/matrix-error.ts';
import type { Account, accountsTable, registrationTokensTable } from '../db/accounts.ts';
import type { Db } from '../db/db.ts';
import type { Clock } from '../platform.ts';
import type { Passwords } from './passwords.ts';

export interface NewAccount {
  readonly localpart: string;
  /** None: nobody can sign in with a password. */
  readonly password?: string | undefined;
  readonly isAdmin?: boolean;
  readonly userType?: string | undefined;
  /** Counted as used once, if it is still good when the account is made. Else 401 `M_UNAUTHORIZED`. */
  readonly registrationToken?: string | undefined;
}

/** The users of this server. The first account made is the owner's. */
export interface Accounts {
  readonly serverName: ServerName;
  /**
   * Makes an account. Throws 400 `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_EXCLUSIVE`, or `M_INVALID_PARAM` for a
   * password that is empty or too long. `alongside` is written in the same transaction.
   */
  create(account: NewAccount, alongside?: () => void): Promise<UserId>;
  /** The user ID that a new account would get. Throws as `create` does. */
  available(localpart: string): UserId;
  owner(): UserId | undefined;
  all(): readonly Account[];
  /** The deactivated too. */
  get(userId: UserId): Account | undefined;
  /** Whether there is such a user, and not deactivated. */
  isActive(userId: UserId): boolean;
  /** False for unknown and deactivated users, after as long a time. */
  verifyPassword(userId: UserId, password: string): Promise<boolean>;
  setPassword(userId: UserId, password: string): Promise<void>;
  /** Nobody signs in any more, and the name stays taken. */
  deactivate(userId: UserId): void;
  /** Whether an account could be made with it now. */
  isGoodToken(token: string): boolean;
  addToken(token: string, usesAllowed: number | undefined, expiresTs: number | undefined): void;
}

interface AccountsOptions {
  readonly db: Db;
  readonly accounts: ReturnType<typeof accountsTable>;
  readonly tokens: ReturnType<typeof registrationTokensTable>;
  readonly passwords: Passwords;
  readonly serverName: ServerName;
  readonly clock: Clock;
  /** User IDs that an application service has to itself. */
  readonly isExclusive?: (userId: UserId) => boolean;
}

/** https://spec.matrix.org/v1.19/appendices/#user-identifiers: what a new localpart may consist of. */
const localpartGrammar = /^[a-z0-9._=/+-]+$/;
const maxPassword = 512;

export function createAccounts(options: AccountsOptions): Accounts {
  const { db, accounts, tokens, passwords, serverName, clock, isExclusive = () => false } = options;

  const available = (localpart: string): UserId => {
    const userId = localpartGrammar.test(localpart) ? parseUserId(`@${localpart}:${serverName}`) : undefined;
    if (userId === undefined) {
      const grammar = 'A user name consists of a-z, 0-9 and ._=-/+, and is not longer than 255 bytes with the server.';
      throw new MatrixError(400, 'M_INVALID_USERNAME', grammar);
    }
    if (isExclusive(userId)) throw new MatrixError(400, 'M_EXCLUSIVE', 'An application service has this user name.');
    if (accounts.get(userId) !== undefined) throw new MatrixError(400, 'M_USER_IN_USE', 'This user name is taken.');
    return userId;
  };

  const hashed = (password: string): Promise<string> => {
    if (password === '') throw invalidParam('The password is empty.');
    if (password.length > maxPassword) throw invalidParam(`The password is longer than ${maxPassword} characters.`);
    return passwords.hash(password);
  };

  const isGoodToken = (token: string): boolean => {
    const known = tokens.get(token);
    if (known === undefined) return false;
    const { usesAllowed = Number.POSITIVE_INFINITY, uses, expiresTs = Number.POSITIVE_INFINITY } = known;
    return uses < usesAllowed && clock.now() < expiresTs;
  };

  const isActive = (userId: UserId): boolean => accounts.get(userId)?.deactivated === false;

  return {
    serverName,
    available,
    async create({ localpart, password, isAdmin = false, userType, registrationToken }, alongside) {
      available(localpart); // before the time-consuming part
      const hash = password === undefined ? undefined : await hashed(password);
      return db.transaction(() => {
        const userId = available(localpart); // somebody else may have been quicker
        if (registrationToken !== undefined) {
          if (!isGoodToken(registrationToken)) {
            throw new MatrixError(401, 'M_UNAUTHORIZED', 'The registration token is used up.');
          }
          tokens.countUse(registrationToken);
        }
        accounts.add({ userId, password: hash, isAdmin, userType, createdTs: clock.now() });
        alongside?.();
        return userId;
      });
    },
    owner: accounts.owner,
    all: accounts.all,
    get: accounts.get,
    isActive,
    verifyPassword(userId, password) {
      const tooLong = password.length > maxPassword;
      return passwords.verify(tooLong ? '' : password, tooLong ? undefined : accounts.get(userId)?.password);
    },
    async setPassword(userId, password) {
      const hash = await hashed(password);
      if (isActive(userId)) accounts.setPassword(userId, hash);
    },
    deactivate: (userId) => accounts.deactivate(userId, clock.now()),
    isGoodToken,
    addToken: tokens.add,
  };
}
