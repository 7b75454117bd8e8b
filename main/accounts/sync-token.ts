import { invalidParam } from '../../shared/matrix-error.ts';
import type { StoredEvent, TopologicalToken } from '../rooms/rooms.ts';

/** Up to where a client has been told. */
export interface SyncToken {
  readonly position: number;
  /** To-device messages may lag behind, since each sync brings only so many. */
  readonly toDevice: number;
  /** Of what is in memory alone: `Moments`. */
  readonly typing: number;
}

/** Tokens are opaque to clients. They begin with the version of their format. */
export const writeSyncToken = ({ position, toDevice, typing }: SyncToken): string =>
  `s1_${position}_${toDevice}_${typing}`;

export function readSyncToken(text: string): SyncToken {
  const [, position, toDevice, typing] = /^s1_(\d{1,15})_(\d{1,15})_(\d{1,15})$/.exec(text) ?? [];
  if (position === undefined) throw invalidParam('This is no token of this server.');
  return { position: Number(position), toDevice: Number(toDevice), typing: Number(typing) };
}

/**
 * A place between two events of a room's history: half a position before or after one of them. With `upTo` of the history
 * of what had arrived by then: what came later stands in a sync already, wherever it belongs in the order.
 */
export interface HistoryPlace extends TopologicalToken {
  readonly upTo?: number;
}

export const placeBefore = ({ topological, position = 0 }: StoredEvent): HistoryPlace => ({
  topological,
  position: position - 0.5,
});
export const placeAfter = ({ topological, position = 0 }: StoredEvent): HistoryPlace => ({
  topological,
  position: position + 0.5,
});

/** Before all that there is. */
export const firstPlace: HistoryPlace = { topological: -1e15, position: 0 };
/** Behind all that had arrived by then. */
export const lastPlace = (upTo: number): HistoryPlace => ({ topological: 1e15, position: 0, upTo });

export const writeHistoryToken = ({ topological, position, upTo }: HistoryPlace): string =>
  `t1_${topological}_${position * 2}${upTo === undefined ? '' : `_${upTo}`}`;

/** A place in the history, or the arrival position in a sync token. */
export function readHistoryToken(text: string): HistoryPlace | number {
  const [, topological, doubled, upTo] = /^t1_(-?\d{1,16})_(-?\d{1,16})(?:_(-?\d{1,16}))?$/.exec(text) ?? [];
  if (topological === undefined) return readSyncToken(text).position;
  const place = { topological: Number(topological), position: Number(doubled) / 2 };
  return upTo === undefined ? place : { ...place, upTo: Number(upTo) };
}
