import type { ServerName, UserId } from '../../shared/ids.ts';
import { serverNameOf } from '../../shared/ids.ts';
import type { toDeviceTable } from '../db/to-device.ts';
import type { Platform } from '../platform.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Session } from './sessions.ts';
import { storedObject } from './stored-json.ts';
import type { Stream } from './stream.ts';

/** By user and device, or `*` for all devices of the user. */
export type ToDeviceMessages = ReadonlyMap<UserId, ReadonlyMap<string, JsonObject>>;

/** https://spec.matrix.org/v1.19/client-server-api/#send-to-device-messaging */
export interface ToDevice {
  /** `within` runs in the transaction that stores them. */
  send(sender: UserId, type: string, messages: ToDeviceMessages, within?: () => void): void;
  /**
   * What another server sends to users here. The same `messageId` again is nothing new. Returns why some of it was not
   * delivered, if so.
   */
  receive(sender: UserId, messageId: string, type: string, messages: ToDeviceMessages): string | undefined;
  /**
   * The next messages for a device, at most 100, and the position that says that they have arrived: asking with it as
   * `after` forgets them. The same `after` gives the same again.
   */
  next(
    session: Session,
    after: number,
    upTo: number,
  ): { readonly events: readonly JsonObject[]; readonly position: number };
  /** Whether there is anything after a position. */
  any(session: Session, after: number): boolean;
  forget(userId: UserId, deviceIds: readonly string[]): void;
}

interface ToDeviceOptions {
  readonly table: ReturnType<typeof toDeviceTable>;
  readonly stream: Stream;
  readonly serverName: ServerName;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly devicesOf: (userId: UserId) => readonly string[];
  /** `m.direct_to_device`, which must arrive: https://spec.matrix.org/v1.19/server-server-api/#definition-mdirect_to_device */
  readonly sendEdu: (server: ServerName, edu: JsonObject) => void;
}

const perSync = 100;
/** That wait for one device: beyond it, messages of other servers are not kept. */
const mostFromOthers = 20_000;
const seenMs = 30 * 24 * 60 * 60_000;

export function createToDevice(options: ToDeviceOptions): ToDevice {
  const { table, stream, serverName, platform, devicesOf, sendEdu } = options;
  const { clock, random } = platform;

  /** Inside a transaction. Returns for whom there was no room any more. */
  const deliver = (
    { sender, type, messages }: { readonly sender: UserId; readonly type: string; readonly messages: ToDeviceMessages },
    next: () => number,
    most?: number,
  ): UserId | undefined => {
    let full: UserId | undefined;
    for (const [userId, byDevice] of messages) {
      const known = devicesOf(userId);
      for (const [deviceId, content] of byDevice) {
        const to = deviceId === '*' ? known : known.filter((each) => each === deviceId);
        const message = writeJson({ sender, type, content });
        for (const device of to) {
          if (most !== undefined && table.holds(userId, device, most)) full = userId;
          else table.add(next(), userId, device, message);
        }
      }
    }
    return full;
  };

  return {
    send(sender, type, messages, within) {
      const byServer = new Map<ServerName, Map<UserId, ReadonlyMap<string, JsonObject>>>();
      for (const [userId, byDevice] of messages) {
        const server = serverNameOf(userId);
        byServer.set(server, (byServer.get(server) ?? new Map()).set(userId, byDevice));
      }
      const ours = byServer.get(serverName) ?? new Map();
      stream.write({ users: [...ours.keys()] }, (next) => {
        deliver({ sender, type, messages: ours }, next);
        for (const [server, ofServer] of byServer) {
          if (server === serverName) continue;
          const content = { sender, type, message_id: random.id(), messages: asObject(ofServer) };
          sendEdu(server, { edu_type: 'm.direct_to_device', content });
        }
        within?.();
      });
    },
    receive(sender, messageId, type, messages) {
      let full: UserId | undefined;
      stream.write({ users: [...messages.keys()] }, (next) => {
        if (!table.isNew(sender, messageId, clock.now())) return; // it and its mark are on disk together, or neither
        table.forgetSeenBefore(clock.now() - seenMs);
        full = deliver({ sender, type, messages }, next, mostFromOthers);
      });
      return full === undefined ? undefined : `more messages wait for a device of ${full} than are kept`;
    },
    next({ userId, deviceId }, after, upTo) {
      table.removeUpTo(userId, deviceId, after);
      const rows = table.between(userId, deviceId, { after, upTo, limit: perSync });
      const position = rows.length < perSync ? upTo : (rows.at(-1)?.position ?? upTo);
      return { events: rows.map(({ message }) => storedObject(message)), position };
    },
    any: ({ userId, deviceId }, after) =>
      table.between(userId, deviceId, { after, upTo: Number.MAX_SAFE_INTEGER, limit: 1 }).length > 0,
    forget(userId, deviceIds) {
      for (const deviceId of deviceIds) table.removeAll(userId, deviceId);
    },
  };
}

const asObject = (messages: ToDeviceMessages): JsonObject =>
  Object.fromEntries([...messages].map(([userId, byDevice]) => [userId, Object.fromEntries(byDevice)]));
