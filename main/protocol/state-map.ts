import type { EventId } from '../../shared/ids.ts';
import type { RoomEvent } from './event.ts';

/** A type and a state key in one string. NUL cannot stand in either: it is refused where events are parsed. */
export type StateKey = `${string}\0${string}`;

export const stateKeyOf = (type: string, stateKey: string): StateKey => `${type}\0${stateKey}`;

/** `['m.room.member', '@a:b.test']` */
export function splitStateKey(key: StateKey): [type: string, stateKey: string] {
  const cut = key.indexOf('\0');
  return [key.slice(0, cut), key.slice(cut + 1)];
}

/** The state of a room at some point: which event stands for each type and state key. */
export type StateMap = ReadonlyMap<StateKey, EventId>;

/** State as the auth rules ask for it. In version 12 rooms too `m.room.create` is answered here. */
export interface AuthState {
  get(type: string, stateKey: string): RoomEvent | undefined;
}
