import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import type { Log } from '../log.ts';
import type { Keyring } from '../network/keyring.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { authorize } from '../protocol/event-auth.ts';
import type { JsonObject } from '../protocol/json.ts';
import { roomVersions } from '../protocol/room-versions.ts';
import { type StateKey, stateKeyOf } from '../protocol/state-map.ts';
import { AllFailed, asClientError, askEach } from './ask-each.ts';
import { BadJoinReply, type JoinReply, parseJoinReply } from './join-reply.ts';
import type { JoinBook } from './joins.ts';
import { fillTemplate, type OwnSigner } from './member-template.ts';
import type { Rooms } from './rooms.ts';
import { verifyAll } from './verify-all.ts';

export interface WantedJoin {
  readonly roomId: RoomId;
  readonly userId: UserId;
  /** Tried in this order. */
  readonly candidates: readonly ServerName[];
  /** The user's name and avatar, and a reason. */
  readonly content: JsonObject;
}

interface Needs {
  readonly rooms: Pick<Rooms, 'enter' | 'joining' | 'receive'>;
  readonly remote: Pick<RemoteServers, 'makeJoin' | 'sendJoin'>;
  readonly keyring: Pick<Keyring, 'verifyEvents'>;
  readonly signer: OwnSigner;
  readonly joins: JoinBook;
  readonly log: Log;
}

/** https://spec.matrix.org/v1.19/server-server-api/#joining-rooms. Both throw a `MatrixError` fit for the client. */
export interface RemoteJoiner {
  /** Into a room that we are not in. PDUs that come meanwhile are parked. */
  join(wanted: WantedJoin): Promise<void>;
  /** A further user, whom the conditions of a restricted room let in by another server's word only. */
  joinResident(wanted: WantedJoin): Promise<void>;
}

const versions = [...roomVersions.keys()];

export function remoteJoiner({ rooms, remote, keyring, signer, joins, log }: Needs): RemoteJoiner {
  async function signedJoin(server: ServerName, { roomId, userId, content }: WantedJoin): Promise<RoomEvent> {
    const template = await remote.makeJoin(server, roomId, userId, versions);
    return fillTemplate(template, { roomId, userId, membership: 'join', content }, signer);
  }

  async function answerTo(server: ServerName, event: RoomEvent): Promise<JoinReply> {
    return parseJoinReply(server, await remote.sendJoin(server, event.roomId, event.eventId, event.pdu), event);
  }

  async function enterThrough(server: ServerName, wanted: WantedJoin): Promise<void> {
    const { roomId } = wanted;
    const show = (phase: 'asking' | 'keys' | 'signatures' | 'writing', done = 0, total?: number) =>
      joins.update(roomId, { server, phase, done, total });
    show('asking');
    const event = await signedJoin(server, wanted);
    rooms.joining(roomId, true, event.rules); // what is parked from now on is known by its ID
    const { join, state, authChain, dropped } = await answerTo(server, event);
    const all = new Map<EventId, RoomEvent>([...state, ...authChain, join].map((one) => [one.eventId, one]));
    const verified = await verifyAll([...all.values()], keyring, { askAlso: [server], onProgress: show });
    const isVerified = new Set(verified.map(({ eventId }) => eventId));
    const good = (events: readonly RoomEvent[]) => events.filter(({ eventId }) => isVerified.has(eventId));
    const bad = all.size - verified.length + dropped;
    if (bad > 0) log.warn('events of a joined room dropped', { roomId, server, dropped: bad, of: all.size + dropped });
    await refuseForbidden(join, good(state));
    show('writing', 0, verified.length);
    await rooms.enter({
      join,
      state: good(state),
      authChain: good(authChain),
      from: server,
      onProgress: (done, total) => show('writing', done, total),
    });
  }

  /** Whether the state that we were given lets us in at all. Another server's word counts when its signature holds. */
  async function refuseForbidden(join: RoomEvent, state: readonly RoomEvent[]): Promise<void> {
    const byKey = new Map<StateKey, RoomEvent>();
    for (const event of state)
      if (event.stateKey !== undefined) byKey.set(stateKeyOf(event.type, event.stateKey), event);
    const signatures = (await keyring.verifyEvents([join])).get(join.eventId);
    const verdict = authorize(
      join,
      { get: (type, stateKey) => byKey.get(stateKeyOf(type, stateKey)) },
      { verifiedBy: (server) => signatures?.verifiedBy.has(server) ?? false, verifyThirdParty: () => false },
    );
    if (!verdict.allowed) throw new BadJoinReply(`The room's state does not allow the join: ${verdict.reason}`);
  }

  async function throughAny(wanted: WantedJoin, attempt: (server: ServerName) => Promise<void>): Promise<void> {
    const { roomId, userId, candidates } = wanted;
    const others = candidates.filter((server) => server !== signer.serverName);
    try {
      await askEach(others, async (server) => {
        try {
          await attempt(server);
        } catch (error) {
          log.info('join failed', { roomId, userId, server, error });
          throw error;
        }
      });
    } catch (error) {
      throw error instanceof AllFailed ? asClientError(error, `${roomId} could not be joined`) : error;
    }
  }

  return {
    async join(wanted) {
      rooms.joining(wanted.roomId, true);
      try {
        await throughAny(wanted, (server) => enterThrough(server, wanted));
      } finally {
        joins.end(wanted.roomId);
        rooms.joining(wanted.roomId, false);
      }
    },

    joinResident: (wanted) =>
      throughAny(wanted, async (server) => {
        const { join } = await answerTo(server, await signedJoin(server, wanted));
        const [outcome] = await rooms.receive([{ pdu: join.pdu, violations: [] }], { origin: server, source: 'live' });
        if (outcome?.outcome === 'accepted' || outcome?.outcome === 'duplicate') return;
        throw new BadJoinReply(outcome?.reason ?? `The join became ${outcome?.outcome ?? 'nothing'} here`);
      }),
  };
}
