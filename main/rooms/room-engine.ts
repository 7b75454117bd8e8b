import type { ServerName } from '../../shared/ids.ts';
import type { Db } from '../db/db.ts';
import type { Inspector } from '../inspector/inspector.ts';
import type { Log } from '../log.ts';
import type { Keyring } from '../network/keyring.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import type { Platform } from '../platform.ts';
import type { SigningKey } from '../protocol/signing.ts';
import type { Outbox } from '../sending/outbox.ts';
import { createAdmitMember } from './admit-member.ts';
import { createChanges } from './changes.ts';
import { createCheckEvents } from './check-pdus.ts';
import { createEnterRoom } from './enter-room.ts';
import { createFetchMissing } from './fetch-missing.ts';
import { createFetchOutliers } from './fetch-outliers.ts';
import { createFetchState } from './fetch-state.ts';
import { createPlacesFor } from './history-places.ts';
import { createIncomingPdus } from './incoming-pdus.ts';
import { createJoinForks } from './join-forks.ts';
import { createLocalEvents } from './local-events.ts';
import { createOutsideRooms } from './outside-rooms.ts';
import { createParkedPdus } from './parked-pdus.ts';
import { createPolicyServers } from './policy-server.ts';
import { createReading } from './read-rooms.ts';
import { createReceiveEvents } from './receive-pdu.ts';
import { openRoomCore } from './room-core.ts';
import { createRoomQueue } from './room-queue.ts';
import type { Rooms } from './rooms.ts';
import { createSettleEvents } from './settle-event.ts';

export interface RoomsDeps {
  readonly db: Db;
  readonly platform: Platform;
  readonly log: Log;
  readonly serverName: ServerName;
  readonly signingKey: () => SigningKey;
  readonly keyring: Keyring;
  readonly remote: RemoteServers;
  readonly outbox: Outbox;
  readonly inspector: Inspector;
  readonly limits?: Partial<RoomLimits>;
}

export interface RoomLimits {
  /** Memory for events that were used last. */
  readonly cacheBytes: number;
  /** Events and time of one walk back through missing prev events. */
  readonly walkEvents: number;
  readonly walkMs: number;
  /** After this long `receive` answers; what is left is parked, and goes on. A transaction has 20 seconds. */
  readonly replyMs: number;
  /** No other walk in a room by the same server so soon after one that led nowhere. */
  readonly walkPauseMs: number;
  /** PDUs that wait in one room for what they need. */
  readonly parkedPerRoom: number;
}

const defaultLimits: RoomLimits = {
  cacheBytes: 64 * 1024 * 1024,
  walkEvents: 1000,
  walkMs: 30_000,
  walkPauseMs: 30_000,
  replyMs: 15_000,
  parkedPerRoom: 10_000,
};

/** How long `close` waits for work that asks other servers. */
const closingMs = 5000;

/**
 * The rooms of this server. Work that was left over when the program last ended goes on from here.
 * https://spec.matrix.org/v1.19/server-server-api/#pdus
 */
export function createRooms(deps: RoomsDeps): Rooms {
  const { db, platform, log, serverName, signingKey, keyring, remote, outbox, inspector } = deps;
  const { clock, random } = platform;
  const limits = { ...defaultLimits, ...deps.limits };
  const changes = createChanges(log);
  const [ours, theirs] = [createRoomQueue(), createRoomQueue()];
  const core = openRoomCore({ db, platform, serverName, changes, inspector, outbox, cacheBytes: limits.cacheBytes });
  const signer = { serverName, signingKey, now: clock.now, randomId: random.id };

  const checkEvents = createCheckEvents(keyring);
  const policyServers = createPolicyServers(remote, log);
  const outliers = createFetchOutliers({ core, remote, checkEvents, log });
  const fetchMissing = createFetchMissing({ core, remote, checkEvents, clock, log, limits });
  const fetchState = createFetchState({ core, remote, outliers, log });
  const receiveEvents = createReceiveEvents({
    ...{ core, outliers, fetchMissing, fetchState, clock, log, walkPauseMs: limits.walkPauseMs },
    settling: createSettleEvents(core, policyServers),
    placesFor: createPlacesFor(core.tables, core.store),
  });

  const outside = createOutsideRooms({ core, serverName, now: clock.now, checkEvents });
  const parked = createParkedPdus({ core, clock, inspector, log, mostPerRoom: limits.parkedPerRoom });
  const local = createLocalEvents({ core, queue: ours, signer, keyring, outbox, policyServers });
  const forks = createJoinForks({ core, append: local.append, inspector, clock, log });
  const { replyMs } = limits;
  return {
    ...createReading(core, serverName, changes),
    ...local,
    ...createIncomingPdus({
      core,
      serverName,
      queue: theirs,
      checkEvents,
      receiveEvents,
      outside,
      parked,
      forks,
      clock,
      log,
      replyMs,
    }),
    admit: createAdmitMember({ core, queue: ours, keyring, outbox, policyServers, serverName, signingKey }),
    enter: createEnterRoom({ core, queue: theirs, keyring, serverName, now: clock.now, log }),
    storeOutlier: outside.storeOutlier,
    setOutOfRoomMembership: outside.setOutOfRoomMembership,
    forget: outside.forget,
    async close() {
      parked.close();
      forks.close();
      const patience = new AbortController();
      await Promise.race([
        Promise.all([ours.idle(), theirs.idle()]),
        clock.sleep(closingMs, patience.signal).catch(() => {}),
      ]); // aborted: idle first
      patience.abort();
    },
  };
}
