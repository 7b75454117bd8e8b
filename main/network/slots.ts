/** Lets no more than `most` work at once under each name; the others wait, first come, first served. */
export interface Slots {
  /** Resolves with what gives the slot back. Rejects with the reason of `signal` when that aborts before. */
  take(name: string, signal: AbortSignal): Promise<() => void>;
}

export function createSlots(most: number): Slots {
  const lanes = new Map<string, { busy: number; readonly waiting: Set<() => void> }>();
  return {
    async take(name, signal) {
      const lane = lanes.get(name) ?? { busy: 0, waiting: new Set() };
      lanes.set(name, lane);
      if (lane.busy < most) lane.busy++;
      else await turnIn(lane.waiting, signal); // whoever was done before has left its slot to us
      return () => {
        const [next] = lane.waiting;
        if (next !== undefined) next();
        else if (--lane.busy === 0) lanes.delete(name);
      };
    },
  };
}

function turnIn(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const start = () => {
      waiting.delete(start);
      signal.removeEventListener('abort', giveUp);
      resolve();
    };
    const giveUp = () => {
      waiting.delete(start);
      reject(signal.reason);
    };
    if (signal.aborted) return giveUp();
    waiting.add(start);
    signal.addEventListener('abort', giveUp, { once: true });
  });
}
