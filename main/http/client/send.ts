import * as z from 'zod';
import type { EventId, UserId } from '../../../shared/ids.ts';
import { parseEventId, serverNameOf } from '../../../shared/ids.ts';
import { badJson, notFound } from '../../../shared/matrix-error.ts';
import type { ClientTransactions } from '../../accounts/client-transactions.ts';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Directory } from '../../rooms/directory.ts';
import type { Memberships } from '../../rooms/membership.ts';
import type { EventDraft, Rooms } from '../../rooms/rooms.ts';
import { type AnyRoute, route } from '../route.ts';
import { eventId, jsonObject, roomId, userId } from '../schemas.ts';
import { checkAliases } from './canonical-alias.ts';
import { none, orNull, refuseViolations } from './fields.ts';

interface SendServices {
  readonly rooms: Rooms;
  readonly memberships: Pick<Memberships, 'invite' | 'join'>;
  readonly directory: Pick<Directory, 'resolve'>;
  readonly transactions: ClientTransactions;
}

/** https://spec.matrix.org/v1.19/client-server-api/#sending-events-to-a-room */
export const sendRoutes = ({ rooms, memberships, directory, transactions }: SendServices): readonly AnyRoute[] => {
  type RoomId = z.output<typeof roomId>;

  const append = async (room: RoomId, draft: EventDraft, within?: (sent: EventId) => void): Promise<EventId> => {
    let id: EventId | undefined;
    await rooms.append(room, [draft], {
      within([sent]) {
        if (sent === undefined) throw new Error('the room took the event and gave none back');
        id = sent.event.eventId;
        within?.(id);
      },
    });
    return id as EventId;
  };

  /** The event and what is answered are on disk together: a client that repeats it after a crash sends nothing twice. */
  const appendOnce = (scope: Parameters<ClientTransactions['once']>[0], room: RoomId, draft: () => EventDraft) =>
    transactions.once(
      scope,
      async (answer) => void (await append(room, draft(), (id) => answer({ event_id: id }, id))),
    );

  const redaction = (room: RoomId, sender: UserId, redacts: EventId, content: JsonObject): EventDraft => {
    if (rooms.event(redacts)?.event.roomId !== room) throw notFound('There is no such event in this room.');
    return { type: 'm.room.redaction', sender, redacts, content };
  };

  /** Since v1.18 redactions are sent as any event. */
  const draftOf = (room: RoomId, sender: UserId, type: string, content: JsonObject): EventDraft => {
    if (type !== 'm.room.redaction') return { type, sender, content };
    const { redacts, ...rest } = content;
    const redacted = typeof redacts === 'string' ? parseEventId(redacts) : undefined;
    if (redacted === undefined) throw badJson('redacts must be an event ID');
    return redaction(room, sender, redacted, rest);
  };

  /** What changes nothing makes no event. */
  const putState = async (room: RoomId, draft: EventDraft & { readonly stateKey: string }): Promise<EventId> => {
    const { type, stateKey, sender, content } = draft;
    const text = canonicalJson(content);
    let before: EventId | undefined;
    const server = type === 'm.room.member' ? serverOf(stateKey) : undefined;
    const [sent] = await rooms.append(
      room,
      (state) => {
        const now = state.get(type, stateKey);
        before = now?.sender === sender && canonicalJson(now.content) === text ? now.eventId : undefined;
        return before === undefined ? [draft] : [];
      },
      server === undefined ? {} : { alsoTo: [server] }, // of whoever is put out
    );
    return sent?.event.eventId ?? before ?? append(room, draft);
  };

  /** Invites need the invitee's server, joins may need others: those are no mere events. */
  const putMember = async (room: RoomId, sender: UserId, target: string, content: JsonObject): Promise<EventId> => {
    const { membership, reason } = content;
    const why = typeof reason === 'string' ? { reason } : {};
    const user = userId.safeParse(target).data;
    const before = rooms.currentState(room).get('m.room.member', target)?.content['membership'];
    if (membership === 'invite' && user !== undefined) {
      await memberships.invite({ userId: sender, roomId: room, target: user, ...why });
    } else if (membership === 'join' && user === sender && before !== 'join') {
      await memberships.join({ userId: sender, room, via: [], ...why });
    } else {
      return putState(room, { type: 'm.room.member', sender, stateKey: target, content });
    }
    const now = rooms.currentState(room).id('m.room.member', target);
    if (now === undefined) throw notFound('There is no such member.');
    return now;
  };

  /** An empty state key, and the slash before it, may be left out. */
  const stateRoute = (path: string) =>
    route({
      method: 'PUT',
      path: `/_matrix/client/v3/rooms/:roomId/state/:eventType${path}`,
      auth: 'client',
      params: z.object({ roomId, eventType: z.string(), stateKey: z.string().default('') }),
      query: none,
      body: jsonObject,
      async handle({ params, body, caller, violations }) {
        refuseViolations(violations);
        const { roomId: room, eventType: type, stateKey } = params;
        if (rooms.info(room) === undefined) throw notFound('This server does not know the room.');
        if (type === 'm.room.canonical_alias' && stateKey === '') await checkAliases(rooms, directory, room, body);
        if (type === 'm.room.member') return { event_id: await putMember(room, caller.userId, stateKey, body) };
        return { event_id: await putState(room, { type, sender: caller.userId, stateKey, content: body }) };
      },
    });

  return [
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/:roomId/send/:eventType/:txnId',
      auth: 'client',
      params: z.object({ roomId, eventType: z.string(), txnId: z.string().max(255) }),
      query: none,
      body: jsonObject,
      handle({ params: { roomId: room, eventType: type, txnId }, body, caller, violations }) {
        refuseViolations(violations);
        const path = `send ${room} ${type}`;
        return appendOnce({ ...caller, path, txnId }, room, () => draftOf(room, caller.userId, type, body));
      },
    }),
    stateRoute(''),
    stateRoute('/'),
    stateRoute('/:stateKey'),
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/:roomId/redact/:eventId/:txnId',
      auth: 'client',
      params: z.object({ roomId, eventId, txnId: z.string().max(255) }),
      query: none,
      body: z.object({ reason: orNull(z.string()) }),
      handle({ params: { roomId: room, eventId: redacts, txnId }, body, caller }) {
        const path = `redact ${room} ${redacts}`;
        const content = body.reason === undefined ? {} : { reason: body.reason };
        return appendOnce({ ...caller, path, txnId }, room, () => redaction(room, caller.userId, redacts, content));
      },
    }),
  ];
};

const serverOf = (stateKey: string) => {
  const user = userId.safeParse(stateKey).data;
  return user && serverNameOf(user);
};
