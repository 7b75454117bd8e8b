import type { ServerName } from '../../shared/ids.ts';
import { forbidden, MatrixError } from '../../shared/matrix-error.ts';
import { buildState, diffStates, type StateRef, setInState } from '../db/state-trie.ts';
import type { Log } from '../log.ts';
import type { Keyring } from '../network/keyring.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { authorisingServer } from '../protocol/event-signing.ts';
import { commitEach, type Effects } from './effects.ts';
import type { Judge } from './judge-event.ts';
import { inOrder } from './order-events.ts';
import { outcomeOf } from './outcomes.ts';
import type { RoomCore } from './room-core.ts';
import type { RoomHead } from './room-heads.ts';
import type { RoomQueue } from './room-queue.ts';
import type { Rooms } from './rooms.ts';

/** Written in one transaction: the loop has its turn after each. */
const eventsAtOnce = 100;
const changesAtOnce = 300;
const readWithoutPause = 1000;

interface EnterDeps {
  readonly core: RoomCore;
  readonly queue: RoomQueue;
  readonly keyring: Keyring;
  readonly serverName: ServerName;
  readonly now: () => number;
  readonly log: Log;
}

type Entry = Parameters<Rooms['enter']>[0];

/** Makes this server a resident of a room by what a resident server answered to send_join. */
export function createEnterRoom({ core, queue, keyring, serverName, now, log }: EnterDeps): Rooms['enter'] {
  const { tables, heads, store, judge, write, commit, setCurrentState } = core;
  const { load } = tables.stateNodes;

  /** Knocks and invites from outside have told us a version, which only now is known. */
  const prepareRoom = (join: RoomEvent): RoomHead => {
    const { roomId, rules } = join;
    const known = heads.get(roomId);
    if (known !== undefined && known.rules.version !== rules.version) {
      if (known.extremities.length > 0) throw new MatrixError(400, 'M_BAD_STATE', 'The room has another version.');
      for (const id of commit(() => tables.rooms.replaceVersion(known.id, rules.version))) store.forget(id);
      heads.forget(roomId);
    }
    if (known === undefined) commit(() => void tables.rooms.create(roomId, rules.version, now()));
    return heads.get(roomId) as RoomHead;
  };

  /** Restricted joins say who let them in; whether that server has signed is an auth rule, and not the caller's to check. */
  const authorisations = async (events: readonly RoomEvent[], from: ServerName) => {
    const restricted = events.filter((event) => {
      const server = authorisingServer(event);
      return server !== undefined && server !== event.origin;
    });
    return restricted.length === 0 ? undefined : keyring.verifyEvents(restricted, { askAlso: [from] });
  };

  /** All of it as outliers, in the order of the auth events. What cannot be judged, since its auth events lack, is left out. */
  const writeOutliers = async (entry: Entry, judgeOutlier: (event: RoomEvent) => ReturnType<Judge['judge']>) => {
    const { join, state, authChain, onProgress } = entry;
    const ofRoom = [...authChain, ...state].filter(
      ({ roomId, eventId }) => roomId === join.roomId && eventId !== join.eventId,
    );
    const ordered = inOrder(ofRoom, (event) => event, judge.missingAuthEvents);
    const writeOne = (event: RoomEvent, effects: Effects) => {
      if (store.isGrounded(event.eventId) || judge.missingAuthEvents(event).length > 0) return;
      const judgement = judgeOutlier(event);
      write({ event, source: 'join', ...judgement, stateBefore: undefined }, effects);
      if (judgement.outcome !== 'accepted') effects.outcomes.push(outcomeOf(event, 'join', judgement));
    };
    for (let done = 0; done < ordered.length; done += eventsAtOnce) {
      commitEach(commit, ordered.slice(done, done + eventsAtOnce), writeOne, ({ eventId }, error) =>
        log.error('an event of a join could not be kept', { eventId, error }),
      );
      onProgress?.(Math.min(done + eventsAtOnce, ordered.length), ordered.length);
      await new Promise(setImmediate);
    }
  };

  /** Where the room is when we come: what of the reply's state we hold for good. */
  const stateBeforeJoin = async ({ join, state }: Entry): Promise<StateRef> => {
    const entries = new Map<number, number>();
    const room = heads.get(join.roomId)?.id;
    for (const [index, { eventId }] of state.entries()) {
      if (index % readWithoutPause === 0) await new Promise(setImmediate);
      const record = store.summary(eventId);
      if (record?.stateKey == null || record.room !== room || record.authGeneration === 0) continue;
      if (record.outcome !== 'rejected') entries.set(record.stateKey, record.id);
    }
    const built = buildState(entries);
    if (core.reader.auth(built).get('m.room.create', '') === undefined) {
      throw forbidden('The state that came with the join has no create event that this server can accept.');
    }
    return built;
  };

  /** Current state, a part at a time: nobody reads it before we are in the room, and a crash leaves what can go on. */
  const approach = async (join: RoomEvent, target: StateRef) => {
    const position = 0; // no change that a client is told of: it comes with the join
    const changes = [...diffStates(heads.get(join.roomId)?.state ?? 0, target, load)];
    for (let done = 0; done < changes.length; done += changesAtOnce) {
      commit((effects) => {
        const head = heads.get(join.roomId) as RoomHead;
        const part = changes.slice(done, done + changesAtOnce);
        const state = part.reduce((ref: StateRef, { key, after }) => setInState(ref, key, after, load), head.state);
        setCurrentState(head, tables.stateNodes.store(state), { cause: 'join', by: undefined, position }, effects);
      });
      await new Promise(setImmediate);
    }
  };

  /** The join itself: the only extremity, and current state is the state after it. */
  const arrive = (join: RoomEvent, stateBefore: StateRef, judged: ReturnType<Judge['judge']>, effects: Effects) => {
    const head = heads.get(join.roomId) as RoomHead;
    const highest = head.extremities.map((id) => store.at(id)?.topological ?? 0);
    const place = { position: tables.positions.next(), topological: 1 + Math.max(0, ...highest) };
    tables.edges.clearForward(head.id);
    tables.rooms.entered(head.id, join.depth);
    heads.update(join.roomId, { extremities: [], gap: false, enteredDepth: join.depth });
    write({ event: join, source: 'join', ...judged, stateBefore, place }, effects);
    effects.outcomes.push(outcomeOf(join, 'join', judged));
  };

  return (entry) =>
    queue.run(entry.join.roomId, async () => {
      const { join, from } = entry;
      prepareRoom(join);
      const verdicts = await authorisations([join, ...entry.state, ...entry.authChain], from);
      const verifiedBy = (event: RoomEvent): ReadonlySet<ServerName> =>
        verdicts?.get(event.eventId)?.verifiedBy ?? new Set([event.origin, serverName]);
      const judgeOutlier = (event: RoomEvent) =>
        judge.judge(event, { stateBefore: undefined, currentState: undefined, verifiedBy: verifiedBy(event) });

      await writeOutliers(entry, judgeOutlier);
      if (judge.missingAuthEvents(join).length > 0) throw forbidden('The join cites auth events that the reply lacks.');
      const stateBefore = await stateBeforeJoin(entry);
      const judged = judge.judge(join, { stateBefore, currentState: undefined, verifiedBy: verifiedBy(join) });
      if (judged.outcome !== 'accepted') throw forbidden(judged.why?.reason ?? 'The join is not allowed.');
      await approach(join, stateBefore);
      commit((effects) => arrive(join, stateBefore, judged, effects));
    });
}
