import { afterAll, onTestFinished } from 'vitest';

const later: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanup of later.splice(0).reverse()) await cleanup();
});

/** Undoes something when all tests of the file are over. */
export function atFileEnd(cleanup: () => unknown): void {
  later.push(cleanup);
}

/** Undoes something when the test that asks is over; asked outside of tests (`beforeAll`), when the file is. */
export function atEnd(cleanup: () => unknown): void {
  try {
    onTestFinished(async () => void (await cleanup()));
  } catch {
    later.push(cleanup);
  }
}
