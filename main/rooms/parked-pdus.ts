import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import type { StagedPdu } from '../db/staging.ts';
import type { Inspector } from '../inspector/inspector.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../platform.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import { type JsonValue, parseJson, type Violation } from '../protocol/json.ts';
import type { RoomCore } from './room-core.ts';
import type { IncomingPdu } from './rooms.ts';

/** A PDU that waits. `key` is its event ID, or where that cannot be known yet, something else that nothing else has. */
export interface ParkedPdu extends IncomingPdu {
  readonly roomId: RoomId;
  readonly key: EventId;
  readonly origin: ServerName;
  readonly source: 'live' | 'backfill';
}

/** PDUs that were acknowledged and cannot be judged yet: on disk, until they are settled or nobody believes in them. */
export interface ParkedPdus {
  /** Inside a transaction. False if too many wait already, or this one has waited too often: then it is dropped. */
  park(pdu: ParkedPdu, reason: string, lacks: readonly EventId[]): boolean;
  /** Written down in case that this process ends while it is being worked on. False if too many wait. Inside a transaction. */
  keepMeanwhile(pdu: ParkedPdu): boolean;
  /** It waits no more. Inside a transaction. */
  settled(roomId: RoomId, key: EventId): void;
  /** Inside the transaction that stores an event: whatever waited for it has its turn after this. */
  arrived(roomId: RoomId, eventId: EventId): void;
  count(roomId: RoomId): number;
  /** Everything that waits in a room has its turn now. */
  hurry(roomId: RoomId): void;
  /** Hands over what is due, room by room: the rest of this program's life. */
  start(workOff: (roomId: RoomId, pdus: readonly ParkedPdu[]) => Promise<void>): void;
  close(): void;
}

const firstRetryMs = 60_000;
const longestRetryMs = 3_600_000;
/** With the delays above: a day. */
const mostAttempts = 30;
const handedOverAtOnce = 200;
const shortestPauseMs = 1000;

interface ParkedPdusDeps {
  readonly core: RoomCore;
  readonly clock: Clock;
  readonly inspector: Inspector;
  readonly log: Log;
  readonly mostPerRoom: number;
}

export function createParkedPdus({ core, clock, inspector, log, mostPerRoom }: ParkedPdusDeps): ParkedPdus {
  const { staging } = core.tables;
  const counts = new Map<RoomId, number>();
  core.db.onRollback(() => counts.clear());
  const working = new Set<RoomId>();
  const closing = new AbortController();
  let pause = new AbortController();
  const wake = () => pause.abort();

  const count = (roomId: RoomId): number => {
    const known = counts.get(roomId) ?? staging.count(roomId);
    counts.set(roomId, known);
    return known;
  };
  const put = (pdu: ParkedPdu, reason: string, delayMs: number, lacks: readonly EventId[]) => {
    const { roomId, key, origin, source, violations } = pdu;
    const row = {
      roomId,
      eventId: key,
      origin,
      source,
      pdu: writeJson(pdu.pdu),
      violations: JSON.stringify(violations),
    };
    staging.put(row, reason, clock.now() + delayMs, lacks);
    counts.delete(roomId);
    wake(); // to sleep no longer than this one
  };
  const isFull = ({ roomId, key }: ParkedPdu) =>
    count(roomId) >= mostPerRoom && staging.attempts(roomId, key) === undefined;

  const workOffRoom = async (
    roomId: RoomId,
    workOff: (roomId: RoomId, pdus: readonly ParkedPdu[]) => Promise<void>,
  ): Promise<void> => {
    working.add(roomId);
    try {
      const rows = staging.due(roomId, clock.now(), handedOverAtOnce);
      await inspector.apart(() => workOff(roomId, rows.map(toPdu)));
    } catch (error) {
      log.error('parked PDUs could not be worked off', { roomId, error });
      await clock.sleep(firstRetryMs, closing.signal).catch(() => {}); // aborted: it is over anyway
    } finally {
      working.delete(roomId);
      wake();
    }
  };

  return {
    park(pdu, reason, lacks) {
      if (isFull(pdu)) return false;
      const attempts = staging.attempts(pdu.roomId, pdu.key) ?? 0;
      if (attempts >= mostAttempts) return false;
      put(pdu, reason, Math.min(longestRetryMs, firstRetryMs * 2 ** attempts), lacks);
      return true;
    },
    keepMeanwhile(pdu) {
      if (isFull(pdu)) return false;
      put(pdu, 'It is being worked on.', longestRetryMs, []);
      return true;
    },
    settled(roomId, key) {
      if (count(roomId) > 0 && staging.remove(roomId, key)) counts.delete(roomId);
    },
    arrived(roomId, eventId) {
      if (count(roomId) > 0 && staging.arrived(eventId)) wake();
    },
    count,
    hurry(roomId) {
      staging.hurryRoom(roomId);
      wake();
    },
    start(workOff) {
      staging.hurryAll(); // what was being worked on when the program ended, too
      const loop = async () => {
        while (!closing.signal.aborted) {
          pause = new AbortController();
          for (const roomId of staging.roomsDue(clock.now())) {
            if (!working.has(roomId)) void workOffRoom(roomId, workOff);
          }
          const next = staging.nextRetryTs();
          const ms = next === undefined ? longestRetryMs : Math.max(shortestPauseMs, next - clock.now());
          await clock.sleep(ms, pause.signal).catch(() => {}); // woken
        }
      };
      loop().catch((error: unknown) => log.error('parked PDUs are not looked at any more', { error }));
    },
    close() {
      closing.abort();
      wake();
    },
  };
}

const toPdu = ({ roomId, eventId, origin, source, pdu, violations }: StagedPdu): ParkedPdu => ({
  roomId,
  key: eventId,
  origin,
  source,
  pdu: parseJson(pdu).value satisfies JsonValue,
  violations: JSON.parse(violations) as Violation[],
});
