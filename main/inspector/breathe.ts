/** Lets all that waits have its turn. Long work calls it between its pieces. */
export const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));
