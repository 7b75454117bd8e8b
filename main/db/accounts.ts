import type { UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- Local users. The first one is the owner of this server.
  CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL UNIQUE,
    password TEXT,           -- as accounts/passwords.ts writes it; none: nobody can sign in with one
    is_admin INTEGER NOT NULL,
    user_type TEXT,          -- as admin tools say: 'bot', 'support'
    created_ts INTEGER NOT NULL,
    deactivated_ts INTEGER) STRICT;

  -- What people with the server's leave may register with.
  CREATE TABLE registration_tokens (
    token TEXT PRIMARY KEY,
    uses_allowed INTEGER,    -- none: any number
    uses INTEGER NOT NULL,
    expires_ts INTEGER) STRICT;`;

/** A local user. Deactivated ones stay: their user ID is never given away again. */
export interface Account {
  readonly userId: UserId;
  readonly password: string | undefined;
  readonly isAdmin: boolean;
  readonly deactivated: boolean;
}

export interface RegistrationToken {
  readonly token: string;
  readonly usesAllowed: number | undefined;
  readonly uses: number;
  readonly expiresTs: number | undefined;
}

interface Row {
  readonly user_id: UserId;
  readonly password: string | null;
  readonly is_admin: number;
  readonly deactivated_ts: number | null;
}

const asAccount = (row: Row): Account => ({
  userId: row.user_id,
  password: row.password ?? undefined,
  isAdmin: row.is_admin === 1,
  deactivated: row.deactivated_ts !== null,
});

export function accountsTable(db: Db) {
  const columns = 'user_id, password, is_admin, deactivated_ts';
  const select = db.prepare<[UserId], Row>(`SELECT ${columns} FROM accounts WHERE user_id = ?`);
  const selectAll = db.prepare<[], Row>(`SELECT ${columns} FROM accounts ORDER BY id`);
  const selectOwner = db.prepare<[], { user_id: UserId }>('SELECT user_id FROM accounts ORDER BY id LIMIT 1');
  const insert = db.prepare<
    [userId: UserId, password: string | null, isAdmin: number, userType: string | null, createdTs: number]
  >('INSERT INTO accounts (user_id, password, is_admin, user_type, created_ts) VALUES (?, ?, ?, ?, ?)');
  const updatePassword = db.prepare<[password: string, UserId]>('UPDATE accounts SET password = ? WHERE user_id = ?');
  const deactivate = db.prepare<[ts: number, UserId]>(
    'UPDATE accounts SET deactivated_ts = ?, password = NULL WHERE user_id = ?',
  );
  return {
    get(userId: UserId): Account | undefined {
      const row = select.get(userId);
      return row && asAccount(row);
    },
    all: (): readonly Account[] => selectAll.all().map(asAccount),
    owner: (): UserId | undefined => selectOwner.get()?.user_id,
    add(account: {
      readonly userId: UserId;
      readonly password: string | undefined;
      readonly isAdmin: boolean;
      readonly userType: string | undefined;
      readonly createdTs: number;
    }): void {
      const { userId, password, isAdmin, userType, createdTs } = account;
      insert.run(userId, password ?? null, isAdmin ? 1 : 0, userType ?? null, createdTs);
    },
    setPassword: (userId: UserId, password: string): void => updatePassword.run(password, userId),
    deactivate: (userId: UserId, ts: number): void => deactivate.run(ts, userId),
  };
}

export function registrationTokensTable(db: Db) {
  interface TokenRow {
    readonly token: string;
    readonly uses_allowed: number | null;
    readonly uses: number;
    readonly expires_ts: number | null;
  }
  const select = db.prepare<[string], TokenRow>('SELECT * FROM registration_tokens WHERE token = ?');
  const insert = db.prepare<[token: string, usesAllowed: number | null, expiresTs: number | null]>(
    'INSERT INTO registration_tokens (token, uses_allowed, uses, expires_ts) VALUES (?, ?, 0, ?)',
  );
  const countUse = db.prepare<[token: string]>('UPDATE registration_tokens SET uses = uses + 1 WHERE token = ?');
  return {
    get(token: string): RegistrationToken | undefined {
      const row = select.get(token);
      return (
        row && {
          token: row.token,
          usesAllowed: row.uses_allowed ?? undefined,
          uses: row.uses,
          expiresTs: row.expires_ts ?? undefined,
        }
      );
    },
    add: (token: string, usesAllowed: number | undefined, expiresTs: number | undefined): void =>
      insert.run(token, usesAllowed ?? null, expiresTs ?? null),
    countUse: (token: string): void => countUse.run(token),
  };
}
