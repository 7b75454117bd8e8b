import type { ServerName } from '../../shared/ids.ts';
import type { Clock } from '../platform.ts';

/** "Capped and jittered": other servers, and our own line, have other things to do. */
const pace = { atOnce: 8, jitterMs: 500 };

interface WakeUpOptions {
  readonly servers: readonly { readonly server: ServerName; readonly lastMetTs: number }[];
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly chance: () => number;
  readonly signal: AbortSignal;
  /** Resolves when the server has answered, or has not. */
  readonly tryNow: (server: ServerName) => Promise<void>;
}

/** Lets servers hear from us, those that we met last first. Resolves when all have been tried, or `signal` aborts. */
export async function wakePeers({ servers, clock, chance, signal, tryNow }: WakeUpOptions): Promise<void> {
  const queue = [...servers].sort((a, b) => b.lastMetTs - a.lastMetTs).values();
  const lane = async () => {
    for (const { server } of queue) {
      await clock.sleep(Math.floor(chance() * pace.jitterMs), signal);
      await tryNow(server);
    }
  };
  try {
    await Promise.all(Array.from({ length: pace.atOnce }, lane));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

const minute = 60_000;

/**
 * Calls `onJump` when more time has gone by than we have slept: the machine was asleep, or its clock was set. For runtimes
 * that are not told of it. Resolves when `signal` aborts.
 */
export async function watchForJumps(clock: Clock, signal: AbortSignal, onJump: (ms: number) => void): Promise<void> {
  while (!signal.aborted) {
    const before = clock.now();
    try {
      await clock.sleep(minute, signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    const jumped = clock.now() - before - minute;
    if (Math.abs(jumped) > minute / 2) onJump(jumped);
  }
}
