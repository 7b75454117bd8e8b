import type { ServerName } from '../../shared/ids.ts';
import type { RoomEvent } from './event.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { type PowerLevels, powerLevels } from './power-levels.ts';
import type { AuthState } from './state-map.ts';
import { reject, type Verdict } from './verdict.ts';

/** What the rules must know and cannot see in a state: signatures. */
export interface AuthContext {
  /** Whether the event bears a valid signature of this server. */
  verifiedBy(server: ServerName): boolean;
  /** Whether any signature of a third-party invite's `signed` object was made with one of these keys (unpadded base64). */
  verifyThirdParty(signed: JsonObject, publicKeys: readonly string[]): boolean;
}

/** One rule, or one branch of it: `undefined` is no objection, and the next rule is asked. */
export type AuthRule = (event: RoomEvent, state: AuthState, context: AuthContext) => Verdict | undefined;

/** `leave` for someone of whom the state says nothing. */
export function membershipIn(state: AuthState, userId: string): string {
  const membership = state.get('m.room.member', userId)?.content['membership'];
  return typeof membership === 'string' ? membership : 'leave';
}

/** "If the `sender`'s current membership state is not `join`, reject." */
export const senderIsJoined: AuthRule = (event, state) => {
  const membership = membershipIn(state, event.sender);
  if (membership === 'join') return undefined;
  const member = state.get('m.room.member', event.sender);
  const reason = member === undefined ? 'is not joined to the room' : `is not joined: its membership is ${membership}`;
  return reject('sender is joined', `${event.sender} ${reason}`, member === undefined ? [] : [member.eventId]);
};

/** The sender reaches `needed`, or the refusal that says what is missing and what it is for. */
export function needsLevel(
  rule: string,
  event: RoomEvent,
  powers: PowerLevels,
  needed: number,
  purpose: string,
): Verdict | undefined {
  const has = powers.userLevel(event.sender);
  if (has >= needed) return undefined;
  return reject(rule, `${event.sender} has ${shown(has)}, needs ${shown(needed)} ${purpose}`, powers.decidedBy);
}

/** A level in a sentence: creators of version 12 rooms, and levels that cannot be read, are infinite. */
export const shown = (level: number): string => (Number.isFinite(level) ? String(level) : 'an infinite level');

export const powersIn = (event: RoomEvent, state: AuthState): PowerLevels => powerLevels(state, event.rules);

/** A value of someone else's in a sentence of ours: as JSON, and short. */
export function quoted(value: JsonValue | undefined): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 100 ? `${json.slice(0, 100)}…` : json;
}
