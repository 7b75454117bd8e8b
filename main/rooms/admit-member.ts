import type { ServerName } from '../../shared/ids.ts';
import { forbidden, MatrixError } from '../../shared/matrix-error.ts';
import type { Keyring } from '../network/keyring.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { authorisingServer, eventMessage } from '../protocol/event-signing.ts';
import { type SigningKey, signatureOf, verifySignature } from '../protocol/signing.ts';
import type { Outbox } from '../sending/outbox.ts';
import { notRecommended, type PolicyServers } from './policy-server.ts';
import type { RoomCore } from './room-core.ts';
import type { RoomQueue } from './room-queue.ts';
import type { Rooms } from './rooms.ts';

interface AdmitDeps {
  readonly core: RoomCore;
  readonly queue: RoomQueue;
  readonly keyring: Keyring;
  readonly outbox: Outbox;
  readonly policyServers: PolicyServers;
  readonly serverName: ServerName;
  readonly signingKey: () => SigningKey;
}

/** Takes a member event from send_join and its like, and passes it on to the room. What is refused is not kept. */
export function createAdmitMember(deps: AdmitDeps): Rooms['admit'] {
  const { core, queue, keyring, outbox, policyServers, serverName, signingKey } = deps;
  const { heads, store, reader, resolve, judge, write, commit } = core;

  /** Whose signatures hold, as far as the auth rules ask for it: that of the server that lets somebody in. */
  const verifiedBy = async (event: RoomEvent): Promise<ReadonlySet<ServerName>> => {
    const server = authorisingServer(event);
    if (server === undefined) return new Set([event.origin]);
    if (server !== serverName) return (await keyring.verifyEvents([event])).get(event.eventId)?.verifiedBy ?? new Set();
    const { keyId, publicKey } = signingKey();
    const signature = signatureOf(event.pdu, serverName, keyId);
    const message = eventMessage(event.pdu, event.rules);
    const isOurs = signature !== undefined && verifySignature(publicKey, message, signature);
    return new Set(isOurs ? [event.origin, serverName] : [event.origin]);
  };

  return async (event) => {
    const signers = await verifiedBy(event); // before its turn: it may take a server's key, and the room does not wait
    return queue.run(event.roomId, async () => {
      const head = heads.get(event.roomId);
      if (!head?.servers.has(serverName)) throw forbidden(`Nobody on this server is in the room ${event.roomId}.`);
      const known = store.find(event.eventId);
      if (known?.stateBefore != null && known.outcome === 'accepted') {
        return { stored: store.shown(known), state: reader.shown(known.stateBefore) }; // our reply to the first was lost
      }
      const prevs = event.prevEvents.map((id) => store.find(id));
      const states = prevs.map((prev) => (prev?.room === head.id ? (prev.stateAfter ?? undefined) : undefined));
      const isJoinedUp = states.length > 0 && states.every((state) => state !== undefined);
      if (!isJoinedUp || judge.missingAuthEvents(event).length > 0) {
        throw new MatrixError(400, 'M_INVALID_PARAM', 'The event cites events that this server does not know.');
      }
      const stateBefore = await resolve.ahead(head.rules, states);
      const judgement = judge.judge(event, { stateBefore, currentState: head.state, verifiedBy: signers });
      if (judgement.outcome !== 'accepted') throw forbidden(judgement.why?.reason ?? 'The event is not allowed.');
      const policy = policyServers.of(reader.auth(head.state), head.servers);
      const advised = policy && (await policyServers.recommended([event], policy)).get(event.eventId);
      if (policy !== undefined && advised === undefined) throw forbidden(notRecommended(policy).why?.reason ?? '');

      const admitted = advised === undefined ? event : { ...event, pdu: advised };
      const record = commit((effects) => {
        const written = write({ event: admitted, source: 'live', ...judgement, stateBefore }, effects);
        const others = new Set([...head.servers, ...(heads.get(event.roomId)?.servers ?? [])]);
        others.delete(serverName);
        others.delete(event.origin);
        if (others.size > 0) outbox.enqueue(admitted, others);
        for (const server of others) effects.wake.add(server);
        return written;
      });
      return { stored: store.shown(record), state: reader.shown(record.stateBefore ?? 0) };
    });
  };
}
