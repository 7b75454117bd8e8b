import type { ServerName, UserId } from '../../shared/ids.ts';
import { limitExceeded } from '../../shared/matrix-error.ts';
import { createRateLimit } from '../accounts/rate-limit.ts';
import type { Clock } from '../platform.ts';

/**
 * How much anybody may ask of this server. Who is over it gets 429 `M_LIMIT_EXCEEDED` with `retry_after_ms`, before the work
 * that asking would cause. https://spec.matrix.org/v1.19/client-server-api/#rate-limiting
 */
export interface RateLimits {
  /** A request begins, of which nothing is proven: its body has not been read. Throws where its address has had too much. */
  arrive(address: string): Arrival;
  /**
   * The turn of a request that another server has signed; resolves with what ends it. A server that hurries is slowed down
   * before it is refused, so that a peer which has missed much gets through: `/send` is `patient`, and waits longer.
   */
  turn(origin: ServerName, options: { readonly patient: boolean; readonly signal: AbortSignal }): Promise<() => void>;
  /** A request of a local user. */
  user(userId: UserId): void;
}

/** A request that is under way. */
export interface Arrival {
  /** It has said who it is, and the rest is that one's business. */
  proven(): void;
  /** It is answered. What was not proven until now counts against its address. */
  end(): void;
}

export const federationBounds = {
  perSecond: 50,
  burst: 100,
  inFlight: 20,
  waiting: 100,
  waitMs: 5_000,
  /** `/send`: it is asked one at a time by those who mean well, and its body, which may be large, waits in memory. */
  patient: { waiting: 20, waitMs: 20_000 },
} as const;
const unprovenBounds = { perSecond: 50, burst: 200, atOnce: 100 } as const;
/** A client that opens asks for hundreds of things at once. */
const userBounds = { perSecond: 50, burst: 500 } as const;

interface RateLimitsOptions {
  readonly clock: Clock;
  /** For whom there are none: this is their own server. */
  readonly owner: () => UserId | undefined;
}

export function createRateLimits({ clock, owner }: RateLimitsOptions): RateLimits {
  const bucket = ({ perSecond, burst }: { readonly perSecond: number; readonly burst: number }) =>
    createRateLimit({ clock, burst, everyMs: 1000 / perSecond });
  const unproven = bucket(unprovenBounds);
  const users = bucket(userBounds);
  const arriving = new Map<string, number>();
  const lanes = new Map<ServerName, Lane>();

  return {
    arrive(address) {
      const from = networkOf(address);
      unproven.check(from);
      const already = arriving.get(from) ?? 0;
      if (already >= unprovenBounds.atOnce) throw limitExceeded('Too many requests at once from this address.', 1000);
      arriving.set(from, already + 1);
      const leave = once(() => {
        const rest = (arriving.get(from) ?? 1) - 1;
        if (rest > 0) arriving.set(from, rest);
        else arriving.delete(from);
      });
      let isProven = false;
      return {
        proven() {
          isProven = true;
          leave();
        },
        end() {
          if (!isProven) unproven.count(from);
          leave();
        },
      };
    },
    async turn(origin, { patient, signal }) {
      const lane = lanes.get(origin) ?? createLane(clock);
      if (lanes.size >= mostLanes && !lanes.has(origin)) forgetIdle(lanes);
      lanes.set(origin, lane);
      return await lane.turn(patient ? federationBounds.patient : federationBounds, signal);
    },
    user(userId) {
      if (userId === owner()) return;
      users.check(userId);
      users.count(userId);
    },
  };
}

/** For tests, and for who switches limits off. */
export const noRateLimits: RateLimits = {
  arrive: () => ({ proven: () => undefined, end: () => undefined }),
  turn: async () => () => undefined,
  user: () => undefined,
};

/** Whoever has one IPv6 address has 2^64 of them. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const whole = [...groups, ...new Array<string>(Math.max(missing, 0)).fill('0'), ...(tail ? tail.split(':') : [])];
  return `${whole.slice(0, 4).join(':')}::/64`;
}

const mostLanes = 1000;

function forgetIdle(lanes: Map<ServerName, Lane>): void {
  for (const [origin, lane] of lanes) if (lane.isIdle()) lanes.delete(origin);
}

interface Lane {
  turn(most: { readonly waiting: number; readonly waitMs: number }, signal: AbortSignal): Promise<() => void>;
  isIdle(): boolean;
}

/** The requests of one server: first those that keep to its rate, then as many at once as it may have in flight. */
function createLane(clock: Clock): Lane {
  const { perSecond, burst, inFlight } = federationBounds;
  const everyMs = 1000 / perSecond;
  const queue = new Set<() => void>();
  let busy = 0;
  let waiting = 0;
  let emptyAt = 0;

  const done = () => {
    const [next] = queue;
    if (next !== undefined)
      next(); // whose slot is ours
    else busy--;
  };
  const wait = async (delayMs: number, signal: AbortSignal) => {
    waiting++;
    try {
      if (delayMs > 0) await clock.sleep(delayMs, signal);
      if (busy < inFlight) busy++;
      else await turnIn(queue, signal);
    } catch (error) {
      throw signal.aborted ? limitExceeded('It was given up while it waited for its turn.', 1000) : error;
    } finally {
      waiting--;
    }
  };
  return {
    isIdle: () => busy === 0 && waiting === 0 && emptyAt <= clock.now(),
    async turn(most, signal) {
      const now = clock.now();
      const delayMs = Math.max(0, emptyAt - now - (burst - 1) * everyMs);
      if (delayMs > most.waitMs) throw limitExceeded(`More than ${perSecond} requests a second.`, delayMs);
      const mayGo = delayMs === 0 && busy < inFlight;
      if (!mayGo && waiting >= most.waiting) {
        throw limitExceeded(`${waiting} requests of this server are waiting already.`, Math.max(delayMs, 1000));
      }
      emptyAt = Math.max(emptyAt, now) + everyMs;
      if (mayGo) busy++;
      else await wait(delayMs, signal);
      return once(done);
    },
  };
}

function turnIn(queue: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const start = () => {
      queue.delete(start);
      signal.removeEventListener('abort', giveUp);
      resolve();
    };
    const giveUp = () => {
      queue.delete(start);
      reject(signal.reason);
    };
    if (signal.aborted) return giveUp();
    queue.add(start);
    signal.addEventListener('abort', giveUp, { once: true });
  });
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    act();
  };
}
