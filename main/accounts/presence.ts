import type { ServerName, UserId } from '../../shared/ids.ts';
import { forbidden } from '../../shared/matrix-error.ts';
import type { Clock } from '../platform.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Moments } from './moments.ts';

export const presenceStates = ['online', 'unavailable', 'offline'] as const;
export type PresenceState = (typeof presenceStates)[number];

/** As clients are told. */
export interface PresenceEvent {
  readonly type: 'm.presence';
  readonly sender: UserId;
  readonly content: JsonObject;
}

/** Who is online, in memory alone. https://spec.matrix.org/v1.19/client-server-api/#presence */
export interface Presence {
  /** A client of ours syncs, and will be waiting for so long: that says that its user is there. */
  syncing(userId: UserId, wanted: PresenceState, forMs: number): void;
  /** A user of ours has done something. */
  active(userId: UserId): void;
  /** What a user of ours wants to be shown. */
  set(userId: UserId, state: PresenceState, statusMsg: string | undefined): void;
  /** What another server says of its user, who shares a room with us. */
  receive(
    userId: UserId,
    told: { readonly state: PresenceState; readonly lastActiveAgo: number; readonly statusMsg: string | undefined },
  ): void;
  /** The reply to `GET /presence/{userId}/status`. Throws 403 where the two share no room. */
  get(viewer: UserId, userId: UserId): JsonObject;
  /** `m.presence` of all of whom the viewer may know, as far as it has changed since; `undefined`: of all who are there. */
  changedSince(viewer: UserId, moment: number | undefined): readonly PresenceEvent[];
  /** These servers have come to share a room with a user of ours. */
  introduce(userId: UserId, servers: readonly ServerName[]): void;
  close(): void;
}

interface PresenceOptions {
  readonly clock: Clock;
  readonly moments: Moments;
  /** Whether both are in some room, or are the same. */
  readonly mayKnow: (viewer: UserId, userId: UserId) => boolean;
  /** Tells our own users that there is something new of this one. */
  readonly tell: (userId: UserId) => void;
  /** The other servers in a user's rooms. */
  readonly servers: (userId: UserId) => Iterable<ServerName>;
  /** It may be lost. */
  readonly sendEdu: (servers: Iterable<ServerName>, edu: JsonObject) => void;
}

interface Person {
  readonly state: PresenceState;
  readonly statusMsg: string | undefined;
  readonly lastActiveTs: number;
  readonly moment: number;
}

/** One of ours. */
interface Watch {
  /** Until when clients are expected to come back. */
  until: number;
  /** Other servers forget what is not repeated. */
  repeatAt: number;
  /** The user does not do anything, and did not say so. */
  isIdle: boolean;
  alarm: AbortController;
}

const minute = 60_000;
/** Between two syncs a client may take that long. */
const graceMs = 30_000;
const idleMs = 5 * minute;
const repeatMs = 25 * minute;
const remoteMs = 30 * minute;
const mostPeople = 10_000;

export function createPresence(options: PresenceOptions): Presence {
  const { clock, moments, mayKnow, tell, servers, sendEdu } = options;
  /** The one who changed last comes last. */
  const people = new Map<UserId, Person>();
  const ours = new Map<UserId, Watch>();
  const remote = new Map<UserId, AbortController>();

  const put = (userId: UserId, person: Omit<Person, 'moment'>) => {
    people.delete(userId);
    people.set(userId, { ...person, moment: moments.next() });
    for (const oldest of people.keys()) {
      if (people.size <= mostPeople) break;
      if (!ours.has(oldest)) forget(oldest);
    }
    tell(userId);
  };
  const forget = (userId: UserId) => {
    people.delete(userId);
    remote.get(userId)?.abort();
    remote.delete(userId);
  };

  const contentOf = ({ state, statusMsg, lastActiveTs }: Person): JsonObject => ({
    presence: state,
    ...(lastActiveTs > 0 && { last_active_ago: Math.max(0, clock.now() - lastActiveTs) }),
    ...(statusMsg !== undefined && { status_msg: statusMsg }),
    currently_active: state === 'online',
  });

  const send = (userId: UserId, to: Iterable<ServerName>) => {
    const person = people.get(userId);
    if (person === undefined) return;
    const push = [{ user_id: userId, last_active_ago: 0, ...contentOf(person) }];
    sendEdu(to, { edu_type: 'm.presence', content: { push } });
  };

  const unknown = { state: 'offline', statusMsg: undefined, lastActiveTs: 0 } as const;

  const become = (userId: UserId, changes: Partial<Person>) => {
    const before = people.get(userId) ?? unknown;
    const after = { ...before, ...changes };
    if (before.state === after.state && before.statusMsg === after.statusMsg) {
      const known = people.get(userId);
      if (known) people.set(userId, { ...known, lastActiveTs: after.lastActiveTs }); // nobody has to be told
      return;
    }
    put(userId, after);
    const watch = ours.get(userId);
    if (watch) watch.repeatAt = clock.now() + repeatMs;
    send(userId, servers(userId));
  };

  /** What time alone brings about. */
  const onTime = (userId: UserId, watch: Watch) => {
    const now = clock.now();
    const { state, lastActiveTs } = people.get(userId) ?? unknown;
    if (watch.until <= now) {
      become(userId, { state: 'offline' });
      ours.delete(userId);
      return;
    }
    if (state === 'online' && lastActiveTs + idleMs <= now) {
      watch.isIdle = true;
      become(userId, { state: 'unavailable' });
    } else if (watch.repeatAt <= now) {
      watch.repeatAt = now + repeatMs;
      send(userId, servers(userId));
    }
    plan(userId, watch);
  };
  const plan = (userId: UserId, watch: Watch) => {
    watch.alarm.abort();
    watch.alarm = new AbortController();
    const { state, lastActiveTs } = people.get(userId) ?? unknown;
    const times = [watch.until, watch.repeatAt, ...(state === 'online' ? [lastActiveTs + idleMs] : [])];
    const ms = Math.max(1, Math.min(...times) - clock.now());
    clock.sleep(ms, watch.alarm.signal).then(
      () => onTime(userId, watch),
      () => undefined, // something newer is known
    );
  };
  const watched = (userId: UserId, forMs = 0): Watch => {
    const now = clock.now();
    const watch = ours.get(userId) ?? {
      until: 0,
      repeatAt: now + repeatMs,
      isIdle: false,
      alarm: new AbortController(),
    };
    watch.until = Math.max(watch.until, now + forMs + graceMs);
    ours.set(userId, watch);
    return watch;
  };

  return {
    syncing(userId, wanted, forMs) {
      if (wanted === 'offline') return;
      const watch = watched(userId, forMs);
      const { state } = people.get(userId) ?? unknown;
      if (state === 'offline') become(userId, { state: wanted, lastActiveTs: clock.now() });
      plan(userId, watch);
    },
    active(userId) {
      const watch = ours.get(userId);
      if (watch === undefined) return; // it does not want to be seen
      become(userId, { lastActiveTs: clock.now(), ...(watch.isIdle && { state: 'online' }) });
      watch.isIdle = false;
    },
    set(userId, state, statusMsg) {
      const watch = watched(userId);
      watch.isIdle = false;
      become(userId, { state, statusMsg, lastActiveTs: clock.now() });
      plan(userId, watch);
    },
    receive(userId, { state, lastActiveAgo, statusMsg }) {
      remote.get(userId)?.abort();
      const alarm = new AbortController();
      remote.set(userId, alarm);
      clock.sleep(remoteMs, alarm.signal).then(
        () => {
          const known = people.get(userId);
          remote.delete(userId);
          if (known !== undefined && known.state !== 'offline') put(userId, { ...known, state: 'offline' });
        },
        () => undefined, // something newer is known
      );
      put(userId, { state, statusMsg, lastActiveTs: Math.max(0, clock.now() - lastActiveAgo) });
    },
    get(viewer, userId) {
      if (!mayKnow(viewer, userId)) throw forbidden('You share no room with this user.');
      const person = people.get(userId);
      return person === undefined ? { presence: 'offline' } : contentOf(person);
    },
    changedSince(viewer, moment) {
      const events: PresenceEvent[] = [];
      for (const [userId, person] of people) {
        const isNews = moment === undefined ? person.state !== 'offline' : person.moment > moment;
        if (!isNews || !mayKnow(viewer, userId)) continue;
        events.push({ type: 'm.presence', sender: userId, content: contentOf(person) });
      }
      return events;
    },
    introduce(userId, to) {
      if (people.get(userId)?.state !== 'offline') send(userId, to);
    },
    close() {
      for (const { alarm } of ours.values()) alarm.abort();
      for (const alarm of remote.values()) alarm.abort();
    },
  };
}

/** Where presence is off: nothing is kept, told or sent, and all seem to be away. */
export const noPresence: Presence = {
  syncing: () => undefined,
  active: () => undefined,
  set: () => undefined,
  receive: () => undefined,
  get: () => ({ presence: 'offline' }),
  changedSince: () => [],
  introduce: () => undefined,
  close: () => undefined,
};
