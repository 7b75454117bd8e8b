/**
 * Work on a room is done one piece after the other, in the order in which it was asked for; rooms side by side.
 *
 * There are several lines for a room: our own events, and what comes from each other server, since that may wait minutes
 * for a server that does not answer, and nobody else shall wait with it. They may go side by side, since whatever is read
 * and written of a room's state and extremities is so in one piece, without awaiting; an event that was built before
 * another came in is a fork, like any.
 */
export interface RoomQueue {
  /** `line`: a room ID, with a name of the line where there are several. */
  run<T>(line: string, work: () => Promise<T> | T): Promise<T>;
  /** How many pieces of work a line has, the one that is being done among them. */
  length(line: string): number;
  /** Resolves when nothing is left to do in any room. */
  idle(): Promise<void>;
}

export function createRoomQueue(): RoomQueue {
  const lines = new Map<string, { tail: Promise<unknown>; length: number }>();
  return {
    run(name, work) {
      const line = lines.get(name) ?? { tail: Promise.resolve(), length: 0 };
      lines.set(name, line);
      line.length++;
      const result = line.tail.then(work);
      const done = () => {
        if (--line.length === 0) lines.delete(name);
      };
      line.tail = result.then(done, done); // whoever asked for it is told; the next in the line does not care
      return result;
    },
    length: (name) => lines.get(name)?.length ?? 0,
    async idle() {
      while (lines.size > 0) await Promise.all([...lines.values()].map(({ tail }) => tail));
    },
  };
}
