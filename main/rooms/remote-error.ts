import type { RemoteError } from '../network/remote-servers.ts';

/** By its name, since `rooms` knows only the types of `network`: it is handed its `RemoteServers`. */
export const isRemoteError = (error: unknown): error is RemoteError =>
  error instanceof Error && error.name === 'RemoteError';
