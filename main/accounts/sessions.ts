import { createHash } from 'node:crypto';
import type { UserId } from '../../shared/ids.ts';
import { MatrixError } from '../../shared/matrix-error.ts';
import type { Db } from '../db/db.ts';
import type { Device, devicesTable, tokensTable } from '../db/devices.ts';
import type { Platform } from '../platform.ts';

/** Who an access token belongs to. */
export interface Session {
  readonly userId: UserId;
  readonly deviceId: string;
}

/** What a client is told once when it signs in: only hashes of the tokens stay here. */
export interface SignedIn extends Session {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly expiresInMs: number | undefined;
}

/** Devices and their tokens. https://spec.matrix.org/v1.19/client-server-api/#client-authentication */
export interface Sessions {
  /** Throws 401 `M_UNKNOWN_TOKEN`, with `soft_logout` where the token has only expired. */
  byToken(token: string): Session;
  /** Notes when and from where a device was last seen. */
  seen(session: Session, address: string): void;
  /**
   * Signs a device in, a new one unless `deviceId` is known. Its former tokens end. `refreshable`: the client can renew
   * tokens, so that they may expire.
   */
  signIn(ask: {
    readonly userId: UserId;
    readonly deviceId?: string | undefined;
    readonly displayName?: string | undefined;
    readonly refreshable?: boolean | undefined;
  }): SignedIn;
  /** Throws 401 `M_UNKNOWN_TOKEN` for a refresh token that is not known or was replaced. */
  refresh(refreshToken: string): SignedIn;
  devices(userId: UserId): readonly Device[];
  device(userId: UserId, deviceId: string): Device | undefined;
  rename(userId: UserId, deviceId: string, displayName: string | undefined): void;
  /** Signs devices out and forgets all that belongs to them. Unknown ones are none of them. */
  remove(userId: UserId, deviceIds: readonly string[]): void;
}

interface SessionsOptions {
  readonly db: Db;
  readonly devices: ReturnType<typeof devicesTable>;
  readonly tokens: ReturnType<typeof tokensTable>;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  /** Told inside the transaction: keys and messages of the device go, or its name is others' to see. */
  readonly onRemoved?: (userId: UserId, deviceIds: readonly string[]) => void;
  readonly onRenamed?: (userId: UserId, deviceId: string) => void;
}

/** How long an access token lives whose client can renew it. */
const refreshableMs = 60 * 60_000;
/** A device that is in use is noted this often. */
const seenEveryMs = 10 * 60_000;
const maxDeviceId = 255;
const maxDisplayName = 1000;

export function createSessions(options: SessionsOptions): Sessions {
  const { db, devices, tokens, platform, onRemoved, onRenamed } = options;
  const { clock, random } = platform;

  const newToken = (kind: 'access' | 'refresh') => {
    const token = `hearth_${kind}_${Buffer.from(random.bytes(32)).toString('base64url')}`;
    return { token, hash: hashOf(token) };
  };

  const giveTokens = (session: Session, refreshable: boolean, replaces: string | undefined): SignedIn => {
    const access = newToken('access');
    const expiresInMs = refreshable ? refreshableMs : undefined;
    const expiresTs = expiresInMs && clock.now() + expiresInMs;
    tokens.addAccess(access.hash, { ...session, expiresTs, replaces });
    const refresh = refreshable ? newToken('refresh') : undefined;
    if (refresh) tokens.addRefresh(refresh.hash, { ...session, accessHash: access.hash, replaces });
    return { ...session, accessToken: access.token, refreshToken: refresh?.token, expiresInMs };
  };

  return {
    byToken(token) {
      const hash = hashOf(token);
      const known = tokens.access(hash);
      if (known === undefined) throw unknownToken('This access token is not known.', false);
      const { userId, deviceId, expiresTs, replaces } = known;
      if (expiresTs !== undefined && expiresTs <= clock.now()) {
        throw unknownToken('This access token has expired.', true);
      }
      if (replaces !== undefined) db.transaction(() => tokens.endReplaced(replaces));
      return { userId, deviceId };
    },

    seen({ userId, deviceId }, address) {
      const { lastSeenTs = 0, lastSeenIp } = devices.get(userId, deviceId) ?? {};
      const now = clock.now();
      if (now - lastSeenTs >= seenEveryMs || lastSeenIp !== address) devices.see(userId, deviceId, now, address);
    },

    signIn({ userId, deviceId: given, displayName, refreshable = false }) {
      if (given !== undefined && (given === '' || Buffer.byteLength(given) > maxDeviceId)) {
        throw new MatrixError(400, 'M_INVALID_PARAM', `A device ID has 1 to ${maxDeviceId} bytes.`);
      }
      const deviceId = given ?? newDeviceId(random.bytes(10));
      return db.transaction(() => {
        if (devices.get(userId, deviceId) === undefined) {
          devices.add(userId, deviceId, displayName?.slice(0, maxDisplayName), clock.now());
        } else {
          tokens.removeOf(userId, deviceId);
        }
        return giveTokens({ userId, deviceId }, refreshable, undefined);
      });
    },

    refresh(refreshToken) {
      const hash = hashOf(refreshToken);
      return db.transaction(() => {
        const known = tokens.refresh(hash);
        if (known === undefined) throw unknownToken('This refresh token is not known.', false);
        if (known.replaces !== undefined) tokens.endReplaced(known.replaces);
        return giveTokens({ userId: known.userId, deviceId: known.deviceId }, true, hash);
      });
    },

    devices: devices.ofUser,
    device: devices.get,

    rename(userId, deviceId, displayName) {
      db.transaction(() => {
        devices.rename(userId, deviceId, displayName?.slice(0, maxDisplayName));
        onRenamed?.(userId, deviceId);
      });
    },

    remove(userId, deviceIds) {
      db.transaction(() => {
        const known = deviceIds.filter((deviceId) => devices.get(userId, deviceId) !== undefined);
        for (const deviceId of known) {
          tokens.removeOf(userId, deviceId);
          devices.remove(userId, deviceId);
        }
        if (known.length > 0) onRemoved?.(userId, known);
      });
    },
  };
}

/** Tokens have 256 bits of chance: a plain hash is enough to hide them. */
const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** Ten capital letters, as people see and compare them. */
const newDeviceId = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => String.fromCharCode(65 + (byte % 26))).join('');

const unknownToken = (message: string, softLogout: boolean) =>
  new MatrixError(401, 'M_UNKNOWN_TOKEN', message, { fields: { soft_logout: softLogout } });
