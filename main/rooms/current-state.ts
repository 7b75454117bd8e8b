import { parseUserId, type ServerName, serverNameOf, type UserId } from '../../shared/ids.ts';
import { diffStates, type StateDifference } from '../db/state-trie.ts';
import { splitStateKey } from '../protocol/state-map.ts';
import type { Effects } from './effects.ts';
import type { EventRecord, EventStore } from './event-store.ts';
import type { RoomHead, RoomHeads } from './room-heads.ts';
import type { Tables } from './tables.ts';

/** What made current state another. */
export interface StateCause {
  readonly cause: 'event' | 'resolution' | 'join';
  readonly by: EventRecord | undefined;
  readonly position: number;
}

/**
 * Makes `state` the current one, with all that is derived from it. Inside a transaction. Returns the local users whose
 * membership is another now.
 */
export type SetCurrentState = (head: RoomHead, state: number, cause: StateCause, effects: Effects) => readonly UserId[];

export function createSetCurrentState(
  serverName: ServerName,
  tables: Tables,
  store: EventStore,
  heads: RoomHeads,
): SetCurrentState {
  const { currentState, memberships, stateKeys, stateNodes, eventIds, rooms } = tables;

  /** The membership that a member event gives: whatever else its content may be. */
  const membershipAt = (id: number | undefined): string | null => {
    const membership = id === undefined ? undefined : store.at(id)?.event.content['membership'];
    return typeof membership === 'string' ? membership : null;
  };

  /** Counts members per server, and writes down where our own users stand. */
  const memberChanged = (room: number, userId: UserId, change: StateDifference, servers: ServersOf, at: number) => {
    const server = serverNameOf(userId);
    const [before, after] = [membershipAt(change.before), membershipAt(change.after)];
    if ((before === 'join') !== (after === 'join')) {
      servers.set(server, currentState.countMember(room, server, after === 'join' ? 1 : -1));
    }
    if (server !== serverName) return;
    const member = change.after === undefined ? undefined : store.at(change.after);
    if (member === undefined || !isMembership(after)) memberships.remove(userId, room);
    else {
      const { id, sender } = member;
      memberships.put(userId, room, { membership: after, event: id, sender, position: at, strippedState: null });
    }
  };

  return (head, state, { cause, by, position }, effects) => {
    if (state === head.state) return [];
    const { id: room, roomId } = head;
    const servers: ServersOf = new Map();
    const users: UserId[] = [];
    for (const change of diffStates(head.state, state, stateNodes.load)) {
      const [type, stateKey] = splitStateKey(stateKeys.name(change.key));
      const member = type === 'm.room.member' ? parseUserId(stateKey) : undefined;
      if (member !== undefined) memberChanged(room, member, change, servers, position);
      if (member !== undefined && serverNameOf(member) === serverName) users.push(member);
      if (change.after === undefined) currentState.remove(room, change.key);
      else currentState.put(room, change.key, change.after, member === undefined ? null : membershipAt(change.after));
      if (cause === 'join') continue; // all of it is new, and one join tells so
      currentState.addChange(room, position, change.key, change.before, change.after);
      effects.stateChanges.push({
        roomId,
        type,
        stateKey,
        before: change.before === undefined ? undefined : eventIds.name(change.before),
        after: change.after === undefined ? undefined : eventIds.name(change.after),
        cause: change.after !== undefined && change.after === by?.id ? 'event' : 'resolution',
        by: by?.event.eventId,
      });
    }
    rooms.setState(room, state);
    heads.update(roomId, { state, servers: withChanges(head.servers, servers) });
    return users;
  };
}

/** Servers whose members were counted anew, and whether any is left. */
type ServersOf = Map<ServerName, boolean>;

/** There may be thousands of servers, and most changes of state bring none and lose none. */
function withChanges(servers: ReadonlySet<ServerName>, changes: ServersOf): ReadonlySet<ServerName> {
  if ([...changes].every(([server, isThere]) => servers.has(server) === isThere)) return servers;
  const changed = new Set(servers);
  for (const [server, isThere] of changes) {
    if (isThere) changed.add(server);
    else changed.delete(server);
  }
  return changed;
}

const isMembership = (membership: string | null): membership is 'join' | 'invite' | 'knock' | 'leave' | 'ban' =>
  membership !== null && ['join', 'invite', 'knock', 'leave', 'ban'].includes(membership);
