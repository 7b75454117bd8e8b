import type { UserId } from '../../shared/ids.ts';
import { forbidden, MatrixError, missingParam } from '../../shared/matrix-error.ts';
import type { Platform } from '../platform.ts';
import type { Accounts } from './accounts.ts';
import { identifiedUser } from './identified-user.ts';
import type { RateLimit } from './rate-limit.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#authentication-types: those that we know. */
export type Stage = 'm.login.password' | 'm.login.dummy' | 'm.login.registration_token';

/** The stages of each way to authenticate, in order. */
export type AuthFlows = readonly (readonly Stage[])[];

/** What is answered with status 401 until all stages of a flow are done. */
export interface Challenge {
  readonly flows: readonly { readonly stages: readonly Stage[] }[];
  readonly params: Readonly<Record<string, unknown>>;
  readonly session: string;
  readonly completed: readonly Stage[];
  readonly errcode?: string;
  readonly error?: string;
}

export type Authentication =
  | { readonly done: true; readonly registrationToken: string | undefined }
  | { readonly done: false; readonly challenge: Challenge };

/** https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api */
export interface InteractiveAuth {
  /**
   * One step of it: `auth` as the request brought it. `operation` names what is asked for and for whom: a session counts
   * for nothing else. `userId`: whose password it must be.
   */
  step(request: {
    readonly auth: Readonly<Record<string, unknown>> | undefined;
    readonly operation: string;
    readonly flows: AuthFlows;
    readonly userId?: UserId;
  }): Promise<Authentication>;
}

interface InteractiveAuthOptions {
  readonly accounts: Accounts;
  readonly limit: RateLimit;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
}

interface AuthSession {
  readonly id: string;
  readonly operation: string;
  readonly expiresAt: number;
  readonly completed: Set<Stage>;
  registrationToken: string | undefined;
}

const sessionMs = 30 * 60_000;
const maxSessions = 1000;

export function createInteractiveAuth({ accounts, limit, platform }: InteractiveAuthOptions): InteractiveAuth {
  const { clock, random } = platform;
  const sessions = new Map<string, AuthSession>();

  const begin = (operation: string): AuthSession => {
    const [oldest] = sessions.keys();
    if (sessions.size >= maxSessions && oldest !== undefined) sessions.delete(oldest);
    const session: AuthSession = {
      id: random.id(),
      operation,
      expiresAt: clock.now() + sessionMs,
      completed: new Set(),
      registrationToken: undefined,
    };
    sessions.set(session.id, session);
    return session;
  };

  const resume = (id: unknown, operation: string): AuthSession | undefined => {
    const session = typeof id === 'string' ? sessions.get(id) : undefined;
    return session?.operation === operation && session.expiresAt > clock.now() ? session : undefined;
  };

  const checkPassword = async (auth: Readonly<Record<string, unknown>>, userId: UserId | undefined) => {
    const { password } = auth;
    if (typeof password !== 'string') throw missingParam('The password is missing.');
    const who = identifiedUser(auth, accounts.serverName);
    if (who === undefined || who !== userId) throw forbidden('This is not your account.');
    limit.check(who);
    if (await accounts.verifyPassword(who, password)) return;
    limit.count(who);
    throw forbidden('The password is wrong.');
  };

  /** Throws where the attempt fails. */
  const attempt = async (
    stage: Stage,
    auth: Readonly<Record<string, unknown>>,
    session: AuthSession,
    userId: UserId | undefined,
  ): Promise<void> => {
    switch (stage) {
      case 'm.login.dummy':
        return;
      case 'm.login.password':
        return checkPassword(auth, userId);
      case 'm.login.registration_token': {
        const { token } = auth;
        if (typeof token !== 'string') throw missingParam('The token is missing.');
        limit.check('registration token');
        if (accounts.isGoodToken(token)) session.registrationToken = token;
        else {
          limit.count('registration token');
          throw new MatrixError(401, 'M_UNAUTHORIZED', 'This registration token is not valid.');
        }
      }
    }
  };

  return {
    async step({ auth, operation, flows, userId }) {
      // Some clients send their first stage at once, and without a session.
      const session = resume(auth?.['session'], operation) ?? begin(operation);
      const challenge = (error?: MatrixError): Authentication => ({
        done: false,
        challenge: {
          flows: flows.map((stages) => ({ stages })),
          params: {},
          session: session.id,
          completed: [...session.completed],
          ...(error && { errcode: error.errcode, error: error.message }),
        },
      });
      const type = auth?.['type'];
      const next = flows.map((stages) => stages.find((stage) => !session.completed.has(stage)));
      const stage = next.find((candidate) => candidate === type);
      if (auth !== undefined && stage !== undefined) {
        try {
          await attempt(stage, auth, session, userId);
        } catch (error) {
          if (error instanceof MatrixError && error.status !== 429) return challenge(error);
          throw error;
        }
        session.completed.add(stage);
      }
      if (!flows.some((stages) => stages.every((each) => session.completed.has(each)))) return challenge();
      sessions.delete(session.id);
      return { done: true, registrationToken: session.registrationToken };
    },
  };
}
