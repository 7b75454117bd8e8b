/**
 * Resolves with the first SIGTERM, SIGINT, or one of `others`. Those that follow are taken and change nothing: Ctrl+C reaches a program both
 * from the terminal and from npm, and the second must not kill what the first is closing.
 */
export function stopSignal(others: readonly NodeJS.Signals[] = []): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', ...others] as const) process.on(signal, () => resolve(signal));
  });
}
