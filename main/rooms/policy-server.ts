import { type EventId, parseServerName, type ServerName } from '../../shared/ids.ts';
import { MatrixError } from '../../shared/matrix-error.ts';
import type { Log } from '../log.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { eventMessage } from '../protocol/event-signing.ts';
import { isObject, type JsonObject } from '../protocol/json.ts';
import { signatureOf, verifySignature, withSignature } from '../protocol/signing.ts';
import type { AuthState } from '../protocol/state-map.ts';
import type { Judgement } from './judge-event.ts';

/** "The Key ID for the `ed25519` key in `m.room.policy` is *always* `ed25519:policy_server`." */
const policyKeyId = 'ed25519:policy_server';
const timeoutMs = 10_000;

/** The policy server of a room and the key that its recommendations are signed with. */
export interface Policy {
  readonly eventId: EventId;
  readonly via: ServerName;
  readonly publicKey: string;
}

export interface PolicyServers {
  /** The one in use, if current state names one and it has a joined member. */
  of(state: AuthState, servers: ReadonlySet<ServerName>): Policy | undefined;
  /** The PDUs of those events that are recommended, with the policy server's signature, which is asked for where it lacks. */
  recommended(events: readonly RoomEvent[], policy: Policy): Promise<ReadonlyMap<EventId, JsonObject>>;
  /**
   * An event of ours with the policy server's signature.
   *
   * @throws MatrixError what the policy server says
   */
  sign(event: RoomEvent, policy: Policy): Promise<JsonObject>;
}

/** https://spec.matrix.org/v1.19/server-server-api/#policy-servers */
export function createPolicyServers(remote: Pick<RemoteServers, 'request'>, log: Log): PolicyServers {
  const isSigned = (pdu: JsonObject, event: RoomEvent, { via, publicKey }: Policy): boolean => {
    const signature = signatureOf(pdu, via, policyKeyId);
    return signature !== undefined && verifySignature(publicKey, eventMessage(pdu, event.rules), signature);
  };

  /** The event with a new signature, or nothing. Whatever else the reply holds is left alone. */
  const ask = async (event: RoomEvent, policy: Policy): Promise<JsonObject | undefined> => {
    const { body } = await remote.request(policy.via, {
      method: 'POST',
      uri: '/_matrix/policy/v1/sign',
      body: event.pdu,
      endpoint: 'policy/sign',
      roomId: event.roomId,
      timeoutMs,
    });
    const given = isObject(body) ? body[policy.via] : undefined;
    const signature = isObject(given) ? given[policyKeyId] : undefined;
    if (typeof signature !== 'string') return undefined;
    const pdu = withSignature(event.pdu, policy.via, policyKeyId, signature);
    return isSigned(pdu, event, policy) ? pdu : undefined;
  };

  return {
    of(state, servers) {
      const event = state.get('m.room.policy', '');
      const { via, public_keys: keys } = event?.content ?? {};
      const server = typeof via === 'string' ? parseServerName(via) : undefined;
      const publicKey = isObject(keys) ? keys['ed25519'] : undefined;
      if (event === undefined || server === undefined || typeof publicKey !== 'string') return undefined;
      return servers.has(server) ? { eventId: event.eventId, via: server, publicKey } : undefined;
    },

    async recommended(events, policy) {
      const recommended = new Map<EventId, JsonObject>();
      const check = async (event: RoomEvent) => {
        const isFine = isExempt(event) || isSigned(event.pdu, event, policy);
        const pdu = isFine
          ? event.pdu
          : await ask(event, policy).catch((error: unknown) => {
              log.info('the policy server did not sign an event', { eventId: event.eventId, via: policy.via, error });
              return undefined;
            });
        if (pdu !== undefined) recommended.set(event.eventId, pdu);
      };
      await Promise.all(events.map(check));
      return recommended;
    },

    async sign(event, policy) {
      if (isExempt(event)) return event.pdu;
      const pdu = await ask(event, policy).catch((error: unknown) => {
        throw asMatrixError(error, policy);
      });
      if (pdu === undefined) throw asMatrixError(undefined, policy);
      return pdu;
    },
  };
}

/** What an event is that the policy server does not recommend. */
export const notRecommended = ({ via, eventId }: Policy): Judgement => ({
  outcome: 'softFailed',
  why: {
    step: 'policyServer',
    rule: 'policy server recommends it',
    reason: `the policy server ${via} has not signed it`,
    decidedBy: [eventId],
  },
});

/** It is not asked about itself. */
const isExempt = ({ type, stateKey }: RoomEvent) => type === 'm.room.policy' && stateKey === '';

/** "If the Policy Server returned an error, that error SHOULD be provided to the client verbatim." */
function asMatrixError(error: unknown, { via }: Policy): MatrixError {
  const { status, errcode, body } = (error ?? {}) as { status?: number; errcode?: string; body?: JsonObject };
  const message = body?.['error'];
  if (status !== undefined && errcode?.startsWith('M_') === true && typeof message === 'string') {
    return new MatrixError(status, errcode as `M_${string}`, message, { cause: error });
  }
  return new MatrixError(403, 'M_FORBIDDEN', `The policy server ${via} of this room did not sign the event.`, {
    cause: error,
  });
}
