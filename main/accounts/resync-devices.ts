import type { ServerName, UserId } from '../../shared/ids.ts';
import type { Inspector } from '../inspector/inspector.ts';
import type { Log } from '../log.ts';
import { retryDelay } from '../network/backoff.ts';
import { RemoteError } from '../network/remote-servers.ts';
import { createSlots } from '../network/slots.ts';
import type { Platform } from '../platform.ts';
import type { RemoteKeys } from './key-directory.ts';
import type { RemoteDeviceLists } from './remote-device-lists.ts';

/** Asks for device lists of which something was missed, one after the other from each server, until it answers. */
export interface ResyncDevices {
  /** There is something to ask this server for. */
  wake(server: ServerName): void;
  /** Goes on with what the last run has left. */
  start(): void;
  close(): void;
}

interface ResyncDevicesOptions {
  readonly lists: Pick<RemoteDeviceLists, 'asking' | 'aStaleOne' | 'staleServers' | 'forget'>;
  readonly remote: Pick<RemoteKeys, 'devices'>;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly inspector: Pick<Inspector, 'apart'>;
  /** Clients are to ask again: those that have asked in the meantime were told of a failure. */
  readonly changed: (userId: UserId) => void;
  readonly log: Log;
}

const timeoutMs = 30_000;
const mostAtOnce = 20;

export function createResyncDevices(options: ResyncDevicesOptions): ResyncDevices {
  const { lists, remote, platform, inspector, changed, log } = options;
  const { clock, random } = platform;
  const closing = new AbortController();
  /** Those that are being asked, with what ends the wait after a failure. */
  const busy = new Map<ServerName, AbortController>();
  const slots = createSlots(mostAtOnce);

  const ask = async (server: ServerName, userId: UserId): Promise<void> => {
    const done = await slots.take('', closing.signal);
    try {
      await lists.asking(async (learn) => {
        learn(userId, await remote.devices(server, userId, timeoutMs));
      });
    } catch (error) {
      const refused = error instanceof RemoteError && [400, 403, 404].includes(error.status ?? 0);
      if (!refused) throw error;
      lists.forget(userId); // whoever wants to know asks anew
    } finally {
      done();
    }
  };

  const work = async (server: ServerName): Promise<void> => {
    const since = clock.now();
    for (let failures = 0; !closing.signal.aborted; ) {
      const userId = lists.aStaleOne(server);
      if (userId === undefined) return;
      try {
        await ask(server, userId);
        if (failures > 0) changed(userId);
        failures = 0;
      } catch (error) {
        if (closing.signal.aborted) return;
        failures++;
        log.debug('a device list could not be had', { server, userId, error });
        const chance = Buffer.from(random.bytes(4)).readUInt32BE() / 2 ** 32;
        const delay = retryDelay({ failures, failingForMs: clock.now() - since }, chance);
        const alarm = new AbortController();
        busy.set(server, alarm);
        await clock.sleep(delay, alarm.signal).catch(() => undefined); // woken, or closing
      }
    }
  };

  const wake = (server: ServerName) => {
    if (closing.signal.aborted) return;
    const sleeping = busy.get(server);
    if (sleeping !== undefined) return sleeping.abort(); // it is there, or so it seems
    busy.set(server, new AbortController());
    const over = inspector.apart(() => work(server));
    over
      .catch((error: unknown) => log.error('device lists are not asked for any more', { server, error }))
      .finally(() => busy.delete(server));
  };

  return {
    wake,
    start() {
      for (const server of lists.staleServers()) wake(server);
    },
    close() {
      closing.abort();
      for (const alarm of busy.values()) alarm.abort();
    },
  };
}
