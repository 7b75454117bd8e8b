import { type InspectorDb, isDamage } from '../db/inspector-db.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../platform.ts';
import { breathe } from './breathe.ts';

/** Something to be written: a row or a few. */
export type Write = (db: InspectorDb) => void;

export interface WriteBuffer {
  /** One write under the same key is enough; `bytes` is about what it holds in memory. */
  put(key: object, write: Write, bytes: number): void;
  /** Resolves when all that was put before is in the database, or lost. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface WriteBufferOptions {
  /** None while a damaged file is being replaced: writes wait. */
  readonly db: () => InspectorDb | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly onDamage: (error: unknown) => void;
  /** After each transaction, outside of it. */
  readonly onWritten: () => void;
}

const everyMs = 100;
/** One transaction: some milliseconds. */
const batch = { writes: 500, bytes: 4_000_000 };
/** Beyond this, what comes is lost: the disk does not keep up, or not at all. */
const most = { writes: 50_000, bytes: 64_000_000 };
const complainEveryMs = 60_000;

/**
 * Collects writes and puts them into the database together: a commit each 100 ms costs little, a commit each request
 * would not. It never throws: what cannot be written is lost, and said in the log once a minute.
 */
export function writeBuffer({ db, clock, log, onDamage, onWritten }: WriteBufferOptions): WriteBuffer {
  const stopping = new AbortController();
  const pending = new Map<object, { readonly write: Write; readonly bytes: number }>();
  let bytes = 0;
  let draining: Promise<void> | undefined;
  let isScheduled = false;
  let isUrgent = false;
  let lost = 0;
  let complainedAt = Number.NEGATIVE_INFINITY;

  const complain = (error: unknown) => {
    if (clock.now() - complainedAt < complainEveryMs) return;
    complainedAt = clock.now();
    log.error('the inspector cannot write', { lost, error });
    lost = 0;
  };
  const take = (): Write[] => {
    const taken: Write[] = [];
    let size = 0;
    for (const [key, { write, bytes: weight }] of pending) {
      if (taken.length >= batch.writes || size >= batch.bytes) break;
      pending.delete(key);
      taken.push(write);
      size += weight;
    }
    bytes -= size;
    return taken;
  };
  const writeBatch = (to: InspectorDb) => {
    const writes = take();
    try {
      to.transaction(() => {
        for (const write of writes) write(to);
      });
    } catch (error) {
      lost += writes.length;
      complain(error);
      if (isDamage(error)) onDamage(error);
      return;
    }
    onWritten();
  };
  const drain = async () => {
    for (let to = db(); to !== undefined && pending.size > 0; to = db()) {
      writeBatch(to);
      if (pending.size > 0) await breathe();
    }
  };
  const flush = async () => {
    while (pending.size > 0 && db() !== undefined) {
      draining ??= drain().finally(() => {
        draining = undefined;
      });
      await draining;
    }
  };
  const flushSoon = async () => {
    await breathe();
    isUrgent = false;
    await flush();
  };
  const flushLater = async () => {
    await clock.sleep(everyMs, stopping.signal).catch(() => {}); // close() writes what is left
    isScheduled = false;
    if (!stopping.signal.aborted) await flush();
  };

  return {
    put(key, write, weight) {
      if (stopping.signal.aborted) return;
      const before = pending.get(key);
      if (before === undefined && (pending.size >= most.writes || bytes >= most.bytes)) {
        lost++;
        complain(new Error('too much is waiting to be written'));
        return;
      }
      pending.set(key, { write, bytes: weight });
      bytes += weight - (before?.bytes ?? 0);
      if (!isUrgent && (pending.size >= batch.writes || bytes >= batch.bytes)) {
        isUrgent = true;
        void flushSoon();
      }
      if (!isScheduled) {
        isScheduled = true;
        void flushLater();
      }
    },
    flush,
    async close() {
      stopping.abort();
      await flush();
    },
  };
}
