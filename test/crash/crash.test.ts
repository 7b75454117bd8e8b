import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openDb } from '../../main/db/db.ts';
import { createTestCa } from '../support/certificates.ts';
import { type Hearth, startHearth } from '../support/hearth.ts';
import { matrixClient, register, until } from '../support/matrix-client.ts';
import { type RawPeer, startRawPeer } from '../support/raw-peer.ts';
import { sqlWasm } from '../support/sql-wasm.ts';

const kills = 20;

/** Sends transactions until the server is gone; one that was not answered is sent again, as a peer does. */
function load(peer: RawPeer, room: ReturnType<RawPeer['createRoom']>, server: string) {
  const acknowledged: string[] = [];
  let count = 0;
  let unanswered: { txnId: string; bodies: string[]; pdus: unknown[] } | undefined;
  return {
    acknowledged,
    async untilItIsGone(): Promise<void> {
      for (;;) {
        if (unanswered === undefined) {
          const bodies = Array.from({ length: 10 }, () => `message ${++count}`);
          unanswered = { txnId: `load-${count}`, bodies, pdus: bodies.map((body) => room.message(body)) };
        }
        try {
          const { status, body } = await peer.send(server, unanswered.pdus, unanswered.txnId);
          expect([status, Object.values(body['pdus'] as object).filter((result) => 'error' in result)]).toEqual([
            200,
            [],
          ]);
        } catch (error) {
          if (error instanceof Error && 'code' in error) return; // refused, reset: it is gone
          throw error;
        }
        acknowledged.push(...unanswered.bodies);
        unanswered = undefined;
      }
    },
  };
}

async function integrity(hearth: Hearth): Promise<unknown> {
  const db = await openDb({ path: join(hearth.folder, 'hearth.db'), wasm: sqlWasm, synchronous: 'FULL' });
  const result = db.prepare<[], unknown>('PRAGMA integrity_check').all();
  db.close();
  return result;
}

test(`after ${kills} SIGKILLs under federation's load nothing acknowledged is lost`, async () => {
  const ca = await createTestCa();
  const [peer, hearth] = await Promise.all([startRawPeer(ca), startHearth(ca)]);
  const room = peer.createRoom('12');
  const { token, userId } = await register(hearth.clientUrl, 'owner');
  const owner = matrixClient(hearth.clientUrl, token, userId);
  expect(await owner.join(room.roomId, peer.serverName)).toBe(room.roomId);

  const loaded = load(peer, room, hearth.serverName);
  const ownWords: string[] = [];
  for (let kill = 1; kill <= kills; kill++) {
    const before = loaded.acknowledged.length;
    const going = loaded.untilItIsGone();
    const talking = (async () => {
      for (let index = 0; ; index++) {
        try {
          await owner.send(room.roomId, `mine ${kill}.${index}`);
          ownWords.push(`mine ${kill}.${index}`);
        } catch {
          return; // it is gone: what was not acknowledged may be there or not
        }
      }
    })();
    while (loaded.acknowledged.length < before + 20) await setTimeout(5);
    await setTimeout(Math.random() * 300);
    await hearth.stop('SIGKILL');
    await Promise.all([going, talking]);
    if (kill % 5 === 0) expect(await integrity(hearth)).toEqual([{ integrity_check: 'ok' }]);
    await hearth.start();
  }

  expect(loaded.acknowledged.length).toBeGreaterThan(kills * 20 - 1);
  const wanted = new Set([...loaded.acknowledged, ...ownWords]);
  const bodies = await until(
    () => owner.bodies(room.roomId),
    (seen) => loaded.acknowledged.every((body) => seen.includes(body)),
    { what: 'all that was acknowledged is there', timeoutMs: 30_000 },
  );
  expect(bodies.filter((body) => loaded.acknowledged.includes(body))).toEqual(loaded.acknowledged); // once, in order
  expect([...wanted].filter((body) => !bodies.includes(body))).toEqual([]);
  expect(await hearth.stop('SIGTERM')).toBe(0);
  expect(await integrity(hearth)).toEqual([{ integrity_check: 'ok' }]);
}, 240_000);
