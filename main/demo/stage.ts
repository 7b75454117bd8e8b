import type { EventId } from '../../shared/ids.ts';
import type { Platform } from '../platform.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { EventDraft } from '../rooms/rooms.ts';
import type { Person, Place } from './cast.ts';

/** What scenes are played on. */
export interface Stage {
  readonly places: readonly Place[];
  readonly platform: Platform;
  /** Aborts when the demo ends. */
  readonly signal: AbortSignal;
}

/** Something that happens in a room. */
export type Scene = (stage: Stage, place: Place) => Promise<void>;

/** From 0 up to 1. */
export const chance = ({ platform }: Stage): number => Buffer.from(platform.random.bytes(4)).readUInt32BE() / 2 ** 32;

export function pick<T>(stage: Stage, of: readonly [T, ...T[]]): T;
export function pick<T>(stage: Stage, of: readonly T[]): T | undefined;
export function pick<T>(stage: Stage, of: readonly T[]): T | undefined {
  return of[Math.floor(chance(stage) * of.length)];
}

/** A quarter of it at least. Rejects when the demo ends. */
export const pause = (stage: Stage, upToMs: number): Promise<void> =>
  stage.platform.clock.sleep(upToMs * (0.25 + 0.75 * chance(stage)), stage.signal);

const isUp = ({ server }: Person) => server.isUp();

/** Whoever is in the room, with their server up. */
export const someone = (stage: Stage, { host, present }: Place): Person =>
  pick(stage, [...present].filter(isUp)) ?? host;

/** Likewise, but not the host: nobody where nobody else is up. */
export const guest = (stage: Stage, { host, present }: Place): Person | undefined =>
  pick(
    stage,
    [...present].filter((person) => person !== host && isUp(person)),
  );

/** Likewise, of another server than the host's. */
export const stranger = (stage: Stage, { host, present }: Place): Person | undefined =>
  pick(
    stage,
    [...present].filter((person) => person.server !== host.server && isUp(person)),
  );

/** Who was here and could come back. */
export const awayFrom = ({ away }: Place): Person | undefined => [...away].find(isUp);

export function gone({ present, away }: Place, person: Person): void {
  present.delete(person);
  away.add(person);
}

export async function act(place: Place, { userId, server }: Person, draft: Omit<EventDraft, 'sender'>) {
  const [sent] = await server.services().rooms.append(place.roomId, [{ ...draft, sender: userId }]);
  if (sent === undefined) throw new Error('the room took the event and gave none back');
  return sent.event.eventId;
}

export const say = (place: Place, speaker: Person, body: string, more: JsonObject = {}): Promise<EventId> =>
  act(place, speaker, { type: 'm.room.message', content: { msgtype: 'm.text', body, ...more } });

export async function type(stage: Stage, { roomId }: Place, { userId, server }: Person): Promise<void> {
  const { typing } = server.services().accounts;
  typing.set(roomId, userId, 10_000);
  await pause(stage, 1500);
  typing.set(roomId, userId, undefined);
}
