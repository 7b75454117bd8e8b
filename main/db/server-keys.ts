import type { ServerName } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- What other servers say of their keys, word for word: as a notary we serve it again with our signature.
  CREATE TABLE server_key_replies (
    id INTEGER PRIMARY KEY,
    server_name TEXT NOT NULL,
    fetched_ts INTEGER NOT NULL,
    valid_until_ts INTEGER NOT NULL,
    reply TEXT NOT NULL          -- JSON, with the signatures of the server itself
  ) STRICT;
  CREATE INDEX server_key_replies_by_server ON server_key_replies (server_name, fetched_ts);
  -- Keys of other servers. Old ones stay: they still verify old events, never requests. A server that was set up anew
  -- may show another key under an ID that it had before: both stay, for the events of their times.
  CREATE TABLE server_keys (
    server_name TEXT NOT NULL,
    key_id TEXT NOT NULL,
    public_key TEXT NOT NULL,
    valid_until_ts INTEGER NOT NULL, -- as the server says, or until it no longer showed the key
    expired_ts INTEGER,              -- since when it is an old key
    fetched_ts INTEGER NOT NULL,     -- trusted no longer than 7 days from here
    first_seen_ts INTEGER NOT NULL,
    source TEXT NOT NULL,            -- 'direct', or the notary
    confirmed INTEGER NOT NULL,      -- 1: direct, or by a notary that the owner trusts
    reply_id INTEGER REFERENCES server_key_replies (id), -- the newest confirmed reply that has it
    PRIMARY KEY (server_name, key_id, public_key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX server_keys_by_reply ON server_keys (reply_id);`;

export interface ServerKey {
  readonly server: ServerName;
  readonly keyId: string;
  readonly publicKey: string;
  readonly validUntilTs: number;
  readonly expiredTs: number | undefined;
  readonly fetchedTs: number;
  readonly source: string;
  readonly confirmed: boolean;
}

export interface KeyReplyRow {
  readonly fetchedTs: number;
  readonly validUntilTs: number;
  readonly reply: string;
}

/** A reply that was checked, to be stored. */
export interface NewKeys {
  readonly server: ServerName;
  readonly validUntilTs: number;
  readonly current: readonly { readonly keyId: string; readonly publicKey: string }[];
  readonly old: readonly { readonly keyId: string; readonly publicKey: string; readonly expiredTs: number }[];
  readonly reply: string;
}

interface KeyRow {
  server_name: ServerName;
  key_id: string;
  public_key: string;
  valid_until_ts: number;
  expired_ts: number | null;
  fetched_ts: number;
  source: string;
  confirmed: number;
}

const keyOf = (row: KeyRow): ServerKey => ({
  server: row.server_name,
  keyId: row.key_id,
  publicKey: row.public_key,
  validUntilTs: row.valid_until_ts,
  expiredTs: row.expired_ts ?? undefined,
  fetchedTs: row.fetched_ts,
  source: row.source,
  confirmed: row.confirmed === 1,
});

export function serverKeysTable(db: Db) {
  const select = db.prepare<[server: ServerName], KeyRow>('SELECT * FROM server_keys WHERE server_name = ?');
  const selectAll = db.prepare<[limit: number], KeyRow>(
    'SELECT * FROM server_keys ORDER BY fetched_ts DESC, server_name, key_id LIMIT ?',
  );
  const insertReply = db.prepare<
    [server: ServerName, fetchedTs: number, validUntilTs: number, reply: string],
    { id: number }
  >(`INSERT INTO server_key_replies (server_name, fetched_ts, valid_until_ts, reply) VALUES (?, ?, ?, ?) RETURNING id`);
  const contested = db.prepare<[server: ServerName, keyId: string, publicKey: string], { found: number }>(
    `SELECT 1 AS found FROM server_keys
     WHERE server_name = ? AND key_id = ? AND public_key <> ? AND confirmed = 1 LIMIT 1`,
  );
  // The holder of a key has signed how long it is valid, whoever brings the reply. That it is old, or no longer so, only
  // the server itself can say (?7), or somebody who is trusted and knew nothing else before.
  const putCurrent = db.prepare<
    [
      server: ServerName,
      keyId: string,
      publicKey: string,
      validUntilTs: number,
      now: number,
      source: string,
      confirmed: number,
      replyId: number | null,
    ]
  >(
    `INSERT INTO server_keys VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?5, ?6, ?7, ?8)
     ON CONFLICT (server_name, key_id, public_key) DO UPDATE SET
       valid_until_ts = CASE WHEN ?6 = 'direct' THEN ?4 ELSE max(valid_until_ts, ?4) END,
       expired_ts = CASE WHEN ?6 = 'direct' THEN NULL ELSE expired_ts END,
       fetched_ts = ?5,
       source = CASE WHEN ?7 >= confirmed THEN ?6 ELSE source END,
       confirmed = max(confirmed, ?7),
       reply_id = coalesce(?8, reply_id)`,
  );
  const putOld = db.prepare<
    [
      server: ServerName,
      keyId: string,
      publicKey: string,
      expiredTs: number,
      now: number,
      source: string,
      confirmed: number,
      replyId: number | null,
    ]
  >(
    `INSERT INTO server_keys VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?5, ?6, ?7, ?8)
     ON CONFLICT (server_name, key_id, public_key) DO UPDATE SET
       valid_until_ts = ?4, expired_ts = ?4, fetched_ts = ?5, source = ?6, confirmed = ?7, reply_id = coalesce(?8, reply_id)
     WHERE ?7 >= confirmed`,
  );
  const retireOthers = db.prepare<[now: number, server: ServerName, replyId: number | null]>(
    `UPDATE server_keys SET valid_until_ts = min(valid_until_ts, ?)
     WHERE server_name = ? AND reply_id IS NOT ? AND expired_ts IS NULL`,
  );
  const forgetReplies = db.prepare<[server: ServerName]>(
    `DELETE FROM server_key_replies WHERE server_name = ?
       AND NOT EXISTS (SELECT 1 FROM server_keys WHERE reply_id = server_key_replies.id)`,
  );
  const newestReply = db.prepare<[server: ServerName], { fetched_ts: number; valid_until_ts: number; reply: string }>(
    `SELECT fetched_ts, valid_until_ts, reply FROM server_key_replies
     WHERE server_name = ? ORDER BY fetched_ts DESC, id DESC LIMIT 1`,
  );
  const replyWith = db.prepare<
    [server: ServerName, keyId: string],
    { fetched_ts: number; valid_until_ts: number; reply: string }
  >(
    `SELECT r.fetched_ts, r.valid_until_ts, r.reply FROM server_keys k JOIN server_key_replies r ON r.id = k.reply_id
     WHERE k.server_name = ? AND k.key_id = ? ORDER BY r.fetched_ts DESC, r.id DESC LIMIT 1`,
  );
  const replyOf = (
    row: { fetched_ts: number; valid_until_ts: number; reply: string } | undefined,
  ): KeyReplyRow | undefined =>
    row && { fetchedTs: row.fetched_ts, validUntilTs: row.valid_until_ts, reply: row.reply };

  return {
    of: (server: ServerName): readonly ServerKey[] => select.all(server).map(keyOf),
    /** The most recently fetched ones. */
    all: (limit: number): readonly ServerKey[] => selectAll.all(limit).map(keyOf),
    newestReply: (server: ServerName): KeyReplyRow | undefined => replyOf(newestReply.get(server)),
    /** The newest reply that has this key, as a current or an old one. */
    replyWith: (server: ServerName, keyId: string): KeyReplyRow | undefined => replyOf(replyWith.get(server, keyId)),
    /**
     * `source` is 'direct' or the notary. What nobody confirms is kept only beside what is confirmed: it never stands for
     * a key ID of which we know better.
     */
    put(
      { server, validUntilTs, current, old, reply }: NewKeys,
      { now, source, confirmed }: { readonly now: number; readonly source: string; readonly confirmed: boolean },
    ): void {
      const isConfirmed = confirmed ? 1 : 0;
      const isFree = ({ keyId, publicKey }: { readonly keyId: string; readonly publicKey: string }) =>
        confirmed || contested.get(server, keyId, publicKey) === undefined;
      db.transaction(() => {
        const replyId = confirmed ? (insertReply.get(server, now, validUntilTs, reply)?.id ?? null) : null;
        for (const key of current.filter(isFree)) {
          putCurrent.run(server, key.keyId, key.publicKey, validUntilTs, now, source, isConfirmed, replyId);
        }
        for (const key of old.filter(isFree)) {
          putOld.run(server, key.keyId, key.publicKey, key.expiredTs, now, source, isConfirmed, replyId);
        }
        if (source === 'direct') retireOthers.run(now, server, replyId);
        if (confirmed) forgetReplies.run(server);
      });
    },
  };
}

export type ServerKeysTable = ReturnType<typeof serverKeysTable>;
