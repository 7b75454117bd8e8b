/**
 * Work that may be long, in steps of some milliseconds each: whoever goes through them may let others have their turn in
 * between. What it reads must not change meanwhile.
 */
export type Steps<T> = Generator<void, T, void>;

/** Events that are looked at in one step, where each costs some 10 µs. */
export const perStep = 200;

/** All of it at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
