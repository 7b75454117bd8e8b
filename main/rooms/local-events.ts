import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import { forbidden, notFound } from '../../shared/matrix-error.ts';
import type { StateRef } from '../db/state-trie.ts';
import type { Keyring } from '../network/keyring.ts';
import type { AuthContext } from '../protocol/auth-rule.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { authorize } from '../protocol/event-auth.ts';
import { authorisingServer } from '../protocol/event-signing.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import { type AuthState, type StateKey, stateKeyOf } from '../protocol/state-map.ts';
import { verifyThirdParty } from '../protocol/third-party-invite.ts';
import type { Outbox } from '../sending/outbox.ts';
import { buildEvent, type EventPlace, type EventSigner, refuseTooLarge, unsignedPdu } from './build-event.ts';
import type { Effects } from './effects.ts';
import type { EventRecord } from './event-store.ts';
import { accepted } from './judge-event.ts';
import { outcomeOf } from './outcomes.ts';
import type { Policy, PolicyServers } from './policy-server.ts';
import type { RoomCore } from './room-core.ts';
import type { RoomHead } from './room-heads.ts';
import type { RoomQueue } from './room-queue.ts';
import type { EventDraft, Rooms } from './rooms.ts';
import { mergeSignatures } from './signatures.ts';

interface LocalEventsDeps {
  readonly core: RoomCore;
  readonly queue: RoomQueue;
  readonly signer: EventSigner;
  readonly keyring: Keyring;
  readonly outbox: Outbox;
  readonly policyServers: PolicyServers;
}

type Sign = (event: RoomEvent) => Promise<JsonObject>;
type LocalEvents = Pick<Rooms, 'create' | 'append' | 'template'>;

/** Above this many forward extremities, an event does not cite them all. */
const extremitiesCited = 10;
/** "prev_events: must contain less than or equal to 20 events" */
const mostPrevEvents = 20;

/** Events that this server makes. */
export function createLocalEvents(deps: LocalEventsDeps): LocalEvents {
  const { core, queue, signer, keyring, outbox, policyServers } = deps;
  const { tables, heads, store, reader, resolve, write, commit } = core;
  const { serverName } = signer;

  const residentHead = (roomId: RoomId): RoomHead => {
    const head = heads.get(roomId);
    if (head === undefined) throw notFound(`This server does not know the room ${roomId}.`);
    if (!head.servers.has(serverName)) throw forbidden(`Nobody on this server is in the room ${roomId}.`);
    return head;
  };

  /** The newest ones, and others by chance, so that all are merged in the end. */
  const prevsFor = (head: RoomHead): readonly EventRecord[] => {
    const newestFirst = head.extremities
      .map((id) => store.at(id))
      .filter((record) => record !== undefined)
      .sort((a, b) => (b.position ?? 0) - (a.position ?? 0));
    if (newestFirst.length <= extremitiesCited) return newestFirst;
    const chosen = newestFirst.slice(0, extremitiesCited);
    const others = newestFirst.slice(extremitiesCited);
    while (chosen.length < mostPrevEvents && others.length > 0) {
      const [byte = 0] = core.random.bytes(1);
      chosen.push(...others.splice(byte % others.length, 1));
    }
    return chosen;
  };

  const stateAfter = (head: RoomHead, prevs: readonly EventRecord[]): StateRef =>
    prevs.length === head.extremities.length
      ? head.state
      : resolve(
          head.rules,
          prevs.map((prev) => prev.stateAfter ?? 0),
        );

  const stateAhead = async (head: RoomHead, prevs: readonly EventRecord[]): Promise<StateRef> => {
    const states = prevs.map((prev) => prev.stateAfter ?? 0);
    return prevs.length === head.extremities.length ? head.state : resolve.ahead(head.rules, states);
  };

  /** A server that lets a user in must have signed. Nobody else's word is needed for what we say ourselves. */
  const verifiedBy = async (event: RoomEvent): Promise<ReadonlySet<ServerName>> => {
    const server = authorisingServer(event);
    if (server === undefined || server === serverName) return new Set([serverName]);
    const verdicts = await keyring.verifyEvents([event]);
    return new Set([serverName, ...(verdicts.get(event.eventId)?.verifiedBy ?? [])]);
  };

  const refuseForbidden = (event: RoomEvent, state: AuthState, signers: ReadonlySet<ServerName>) => {
    const context: AuthContext = { verifiedBy: (server) => signers.has(server), verifyThirdParty };
    const verdict = authorize(event, state, context);
    if (!verdict.allowed) throw forbidden(sentence(verdict.reason));
  };

  /** Each draft after the one before, in memory: nothing is written before all are allowed. */
  const build = async (
    drafts: readonly EventDraft[],
    place: EventPlace,
    { sign, policy }: { sign?: Sign | undefined; policy?: Policy | undefined } = {},
  ): Promise<readonly BuiltEvent[]> => {
    const built: BuiltEvent[] = [];
    const { state, add } = layerOn(place.state);
    for (const draft of drafts) {
      const last = built.at(-1)?.event;
      const roomId = place.roomId ?? last?.roomId;
      let event = buildEvent(draft, { ...place, roomId, state, prevEvents: last ? [last] : place.prevEvents }, signer);
      if (sign !== undefined) event = { ...event, pdu: mergeSignatures(event, await sign(event)) };
      const signers = await verifiedBy(event);
      refuseForbidden(event, state, signers);
      if (policy !== undefined) event = { ...event, pdu: await policyServers.sign(event, policy) };
      built.push({ event, signers });
      add(event);
    }
    return built;
  };

  /** Somebody may have been banned while others were asked for signatures: then the room would soft-fail what we built. */
  const refuseOutdated = (built: readonly BuiltEvent[], before: RoomHead) => {
    const current = residentHead(before.roomId);
    if (current.state === before.state) return;
    const { state, add } = layerOn(reader.auth(current.state));
    for (const { event, signers } of built) {
      refuseForbidden(event, state, signers);
      add(event);
    }
  };

  /** Writes them and puts them into the outbox: for the servers before and after, so that those who leave learn it. */
  const writeAll = (
    built: readonly BuiltEvent[],
    stateBefore: StateRef,
    alsoTo: readonly ServerName[],
    effects: Effects,
  ): readonly EventRecord[] => {
    let state = stateBefore;
    return built.map(({ event }) => {
      const before = heads.get(event.roomId)?.servers ?? none;
      const record = write({ event, source: 'local', ...accepted, stateBefore: state }, effects);
      state = record.stateAfter ?? 0;
      const after = heads.get(event.roomId)?.servers ?? none;
      const destinations = new Set(before === after ? before : [...before, ...after]);
      for (const server of alsoTo) destinations.add(server);
      destinations.delete(serverName);
      if (destinations.size > 0) outbox.enqueue(event, destinations);
      for (const server of destinations) effects.wake.add(server);
      effects.outcomes.push(outcomeOf(event, 'local', accepted));
      return record;
    });
  };
  const shown = (records: readonly EventRecord[]) =>
    records.map((record) => store.shown(store.at(record.id) ?? record));

  return {
    async create(rules, drafts) {
      const [create, ...others] = drafts;
      if (create?.type !== 'm.room.create') throw new TypeError('a room begins with m.room.create');
      const roomId = rules.roomIdIsCreateHash ? undefined : (`!${signer.randomId()}:${serverName}` as RoomId);
      const content = { ...create.content, ...creationContent(rules, create) };
      // In version 12 two rooms made alike in the same millisecond would be one: the second is a little younger.
      for (let originServerTs = create.originServerTs ?? signer.now(); ; originServerTs++) {
        const first: EventDraft = { ...create, content, stateKey: '', originServerTs };
        const built = await build([first, ...others], {
          roomId,
          rules,
          state: { get: () => undefined },
          prevEvents: [],
        });
        const id = built[0]?.event.roomId as RoomId;
        if (heads.get(id) !== undefined) continue;
        const records = commit((effects) => {
          tables.rooms.create(id, rules.version, signer.now());
          return writeAll(built, 0, [], effects);
        });
        return { roomId: id, events: shown(records) };
      }
    },

    async append(roomId, drafts, { sign, alsoTo = [], within } = {}) {
      const make = async () => {
        const head = residentHead(roomId);
        const prevs = prevsFor(head);
        const state = await stateAhead(head, prevs);
        const place: EventPlace = {
          roomId,
          rules: head.rules,
          state: reader.auth(state),
          prevEvents: prevs.map(({ event }) => event),
        };
        const list = typeof drafts === 'function' ? drafts(reader.shown(head.state)) : drafts;
        const policy = policyServers.of(reader.auth(head.state), head.servers);
        return { head, state, built: await build(list, place, { sign, policy }) };
      };
      const keep = ({ head, state, built }: Awaited<ReturnType<typeof make>>) => {
        refuseOutdated(built, head);
        return commit((effects) => {
          const events = shown(writeAll(built, state, alsoTo, effects));
          within?.(events);
          return events;
        });
      };
      if (sign === undefined) return queue.run(roomId, async () => keep(await make()));
      // Who signs may take its time, and nobody in the room waits for it: what is said meanwhile makes this one a fork.
      const made = await make();
      return queue.run(roomId, () => keep(made));
    },

    template(roomId, draft) {
      const head = residentHead(roomId);
      const prevs = prevsFor(head);
      const state = reader.auth(stateAfter(head, prevs));
      const place: EventPlace = { roomId, rules: head.rules, state, prevEvents: prevs.map(({ event }) => event) };
      const pdu = unsignedPdu(draft, place, signer);
      refuseTooLarge(pdu);
      refuseForbidden(eventToBe(pdu, draft, place), state, new Set([serverName]));
      return pdu;
    },
  };
}

interface BuiltEvent {
  readonly event: RoomEvent;
  readonly signers: ReadonlySet<ServerName>;
}

/** A state to which events are added in memory. */
function layerOn(base: AuthState): { readonly state: AuthState; readonly add: (event: RoomEvent) => void } {
  const added = new Map<StateKey, RoomEvent>();
  return {
    state: { get: (type, stateKey) => added.get(stateKeyOf(type, stateKey)) ?? base.get(type, stateKey) },
    add(event) {
      if (event.stateKey !== undefined) added.set(stateKeyOf(event.type, event.stateKey), event);
    },
  };
}

const none: ReadonlySet<ServerName> = new Set();

/** https://spec.matrix.org/v1.19/client-server-api/#mroomcreate */
const creationContent = (rules: RoomVersionRules, { sender }: EventDraft): JsonObject => ({
  room_version: rules.version,
  ...(!rules.implicitCreator && { creator: sender }),
});

/** A template has no hashes yet, and so no ID: for the auth rules only. */
function eventToBe(pdu: JsonObject, draft: EventDraft, { roomId, rules, prevEvents }: EventPlace): RoomEvent {
  const { type, sender, stateKey, redacts } = draft;
  return {
    eventId: '$template' as EventId,
    roomId: roomId as RoomId,
    type,
    stateKey,
    sender,
    origin: sender.slice(sender.indexOf(':') + 1) as ServerName,
    content: pdu['content'] as JsonObject,
    depth: 0,
    originServerTs: pdu['origin_server_ts'] as number,
    prevEvents: prevEvents.map(({ eventId }) => eventId),
    authEvents: [],
    redacts,
    rules,
    pdu,
  };
}

/** Reasons of rules are parts of sentences; errors are whole ones. */
const sentence = (reason: string) => `${reason.slice(0, 1).toUpperCase()}${reason.slice(1)}.`;
