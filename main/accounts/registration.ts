import { createHmac, timingSafeEqual } from 'node:crypto';
import { forbidden, MatrixError } from '../../shared/matrix-error.ts';
import type { Platform } from '../platform.ts';
import type { AuthFlows } from './interactive-auth.ts';

/** Who may make an account. */
export type RegistrationMode = 'closed' | 'token' | 'open';

/** What an admin tool signs with the shared secret. */
export interface SharedSecretRequest {
  readonly nonce: string;
  readonly username: string;
  readonly password: string;
  readonly admin: boolean;
  readonly userType: string | undefined;
  readonly mac: string;
}

export interface Registration {
  /** How to prove that one may register. Throws 403 `M_FORBIDDEN` where nobody may. */
  flows(): AuthFlows;
  /** For one request by the shared secret, within a minute. Throws 400 `M_UNKNOWN` where there is no secret. */
  nonce(): string;
  /** Throws unless the request was signed with the secret and a fresh nonce, which this uses up. */
  checkSigned(request: SharedSecretRequest): void;
}

interface RegistrationOptions {
  readonly mode: RegistrationMode;
  readonly sharedSecret: string | undefined;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
}

const nonceMs = 60_000;
const maxNonces = 1000;

export function createRegistration({ mode, sharedSecret, platform }: RegistrationOptions): Registration {
  const { clock, random } = platform;
  const nonces = new Map<string, number>();
  const secret = (): string => {
    if (sharedSecret !== undefined) return sharedSecret;
    throw new MatrixError(400, 'M_UNKNOWN', 'This server has no shared secret for registration.');
  };
  return {
    flows() {
      switch (mode) {
        case 'open':
          return [['m.login.dummy']];
        case 'token':
          return [['m.login.registration_token']];
        case 'closed':
          throw forbidden('Registration is closed on this server.');
      }
    },
    nonce() {
      secret();
      const [oldest] = nonces.keys();
      if (nonces.size >= maxNonces && oldest !== undefined) nonces.delete(oldest);
      const nonce = Buffer.from(random.bytes(32)).toString('hex');
      nonces.set(nonce, clock.now() + nonceMs);
      return nonce;
    },
    checkSigned(request) {
      const key = secret();
      const goodUntil = nonces.get(request.nonce) ?? 0;
      nonces.delete(request.nonce);
      if (goodUntil <= clock.now()) throw new MatrixError(400, 'M_UNKNOWN', 'This nonce is not known, or too old.');
      const { nonce, username, password, admin, userType } = request;
      const parts = [nonce, username, password, admin ? 'admin' : 'notadmin', ...(userType ? [userType] : [])];
      const expected = createHmac('sha1', key).update(parts.join('\0')).digest();
      const given = Buffer.from(request.mac, 'hex');
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
        throw forbidden('The HMAC is not right.');
      }
    },
  };
}
