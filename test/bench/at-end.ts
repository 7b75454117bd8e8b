const later: (() => unknown)[] = [];

/** What test support wants undone in the end. */
export function atEnd(cleanup: () => unknown): void {
  later.push(cleanup);
}

export function atFileEnd(cleanup: () => unknown): void {
  atEnd(cleanup);
}

/** Undoes it, the last first. */
export async function end(): Promise<void> {
  for (const cleanup of later.splice(0).reverse()) await cleanup();
}
