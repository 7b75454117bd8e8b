import type { UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- Cross-signing keys of local users, as they were uploaded (JSON).
  CREATE TABLE cross_signing_keys (
    user_id TEXT NOT NULL,
    usage TEXT NOT NULL,     -- 'master', 'self_signing', 'user_signing'
    key TEXT NOT NULL,
    PRIMARY KEY (user_id, usage)) STRICT, WITHOUT ROWID;

  -- Signatures that local users have put under keys since: of their devices, and of others' master keys.
  CREATE TABLE key_signatures (
    user_id TEXT NOT NULL,   -- whose key it is
    target TEXT NOT NULL,    -- a device ID, or the public part of a master key
    signer TEXT NOT NULL,
    key_id TEXT NOT NULL,    -- 'ed25519:…', of the signer
    signature TEXT NOT NULL,
    PRIMARY KEY (user_id, target, signer, key_id)) STRICT, WITHOUT ROWID;`;

export type Usage = 'master' | 'self_signing' | 'user_signing';

export interface KeySignature {
  readonly signer: UserId;
  readonly keyId: string;
  readonly signature: string;
}

export function crossSigningTable(db: Db) {
  const select = db.prepare<[UserId, Usage], { key: string }>(
    'SELECT key FROM cross_signing_keys WHERE user_id = ? AND usage = ?',
  );
  const upsert = db.prepare<[UserId, Usage, key: string]>(
    'INSERT OR REPLACE INTO cross_signing_keys (user_id, usage, key) VALUES (?, ?, ?)',
  );
  const signatures = db.prepare<[UserId, target: string], KeySignature>(
    'SELECT signer, key_id AS keyId, signature FROM key_signatures WHERE user_id = ? AND target = ?',
  );
  const sign = db.prepare<[UserId, target: string, signer: UserId, keyId: string, signature: string]>(
    'INSERT OR REPLACE INTO key_signatures (user_id, target, signer, key_id, signature) VALUES (?, ?, ?, ?, ?)',
  );
  const removeSignatures = db.prepare<[UserId, target: string]>(
    'DELETE FROM key_signatures WHERE user_id = ? AND target = ?',
  );
  return {
    get: (userId: UserId, usage: Usage): string | undefined => select.get(userId, usage)?.key,
    put: (userId: UserId, usage: Usage, key: string): void => upsert.run(userId, usage, key),
    signatures: (userId: UserId, target: string): readonly KeySignature[] => signatures.all(userId, target),
    sign: (userId: UserId, target: string, { signer, keyId, signature }: KeySignature): void =>
      sign.run(userId, target, signer, keyId, signature),
    removeSignatures: (userId: UserId, target: string): void => removeSignatures.run(userId, target),
  };
}
