import type { RoomId, UserId } from '../../shared/ids.ts';
import type { Clock } from '../platform.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Moments } from './moments.ts';
import type { Stream } from './stream.ts';

/** Who is typing. https://spec.matrix.org/v1.19/client-server-api/#typing-notifications */
export interface Typing {
  /** A user of this server types for that long, or stops for `undefined`. */
  set(roomId: RoomId, userId: UserId, forMs: number | undefined): void;
  /** What another server says of its user, who is in the room. */
  receive(roomId: RoomId, userId: UserId, isTyping: boolean): void;
  users(roomId: RoomId): readonly UserId[];
  /** Grows with each change: a part of sync tokens. */
  serial(): number;
  /** The rooms in which it has changed since. */
  changedSince(serial: number): ReadonlySet<RoomId>;
  close(): void;
}

interface TypingOptions {
  readonly stream: Stream;
  readonly clock: Clock;
  readonly moments: Moments;
  /** A user of ours has done something. */
  readonly onActive: (userId: UserId) => void;
  /** For the servers in the room; it may be lost. */
  readonly sendEdu: (roomId: RoomId, edu: JsonObject) => void;
}

interface TypingRoom {
  readonly users: Map<UserId, AbortController>;
  serial: number;
}

const maxMs = 120_000;
/** Another server's user, unless it says so again. */
const remoteMs = 60_000; // they do so every 20 to 40 seconds

export function createTyping({ stream, clock, moments, onActive, sendEdu }: TypingOptions): Typing {
  const rooms = new Map<RoomId, TypingRoom>();

  const changed = (roomId: RoomId, room: TypingRoom) => {
    room.serial = moments.next();
    stream.tell({ roomId });
  };

  const put = (roomId: RoomId, userId: UserId, forMs: number | undefined, onTimeout: () => void): boolean => {
    const room = rooms.get(roomId) ?? { users: new Map(), serial: 0 };
    const before = room.users.get(userId);
    before?.abort();
    if (forMs === undefined) {
      if (before === undefined) return false;
      room.users.delete(userId);
    } else {
      const timer = new AbortController();
      room.users.set(userId, timer);
      clock.sleep(forMs, timer.signal).then(onTimeout, () => undefined); // aborted: something newer is known
    }
    rooms.set(roomId, room);
    if ((before === undefined) !== (forMs === undefined)) changed(roomId, room);
    return true;
  };

  const typing: Typing = {
    set(roomId, userId, forMs) {
      if (forMs !== undefined) onActive(userId);
      const ms = forMs && Math.min(forMs, maxMs);
      const isNews = put(roomId, userId, ms, () => typing.set(roomId, userId, undefined));
      const content = { room_id: roomId, user_id: userId, typing: forMs !== undefined };
      if (isNews) sendEdu(roomId, { edu_type: 'm.typing', content });
    },
    receive(roomId, userId, isTyping) {
      put(roomId, userId, isTyping ? remoteMs : undefined, () => typing.receive(roomId, userId, false));
    },
    users: (roomId) => [...(rooms.get(roomId)?.users.keys() ?? [])],
    serial: moments.newest,
    changedSince: (since) => new Set([...rooms].filter(([, { serial }]) => serial > since).map(([roomId]) => roomId)),
    close() {
      for (const { users } of rooms.values()) for (const timer of users.values()) timer.abort();
    },
  };
  return typing;
}
