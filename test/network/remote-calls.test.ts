import { expect, test } from 'vitest';
import type { RemoteServers } from '../../main/network/remote-servers.ts';
import { type JsonObject, parseJson } from '../../main/protocol/json.ts';
import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import { type FakePage, fakeNet, json } from '../support/fake-net.ts';
import { clientOver } from '../support/federation-client.ts';

const a = 'a.test:1' as ServerName;
const room = '!r/x:a.test' as RoomId;
const user = '@u+v:us.test' as UserId;
const event = '$a/b+c:a.test' as EventId; // room versions 1 to 3
const [roomPart, userPart, eventPart] = ['!r%2Fx%3Aa.test', '%40u%2Bv%3Aus.test', '%24a%2Fb%2Bc%3Aa.test'];
const v1 = '/_matrix/federation/v1';
const v2 = '/_matrix/federation/v2';
const hash = `$${'h'.repeat(43)}`;

async function remoteWith(pages: Record<string, FakePage>) {
  const web = Object.fromEntries(Object.entries(pages).map(([uri, page]) => [`https://${a}${uri}`, page]));
  const net = fakeNet({ hosts: { 'a.test': ['1.1.1.1'] }, web });
  return { net, ...(await clientOver(net)) };
}

const pdu = { type: 'm.x' };
const strict = { pdu, violations: [] };
const calls: readonly {
  readonly name: string;
  readonly call: (remote: RemoteServers) => Promise<unknown>;
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly uri: string;
  readonly body?: object;
  readonly reply: string | object;
  readonly result: unknown;
}[] = [
  {
    name: 'version',
    call: (r) => r.version(a),
    method: 'GET',
    uri: `${v1}/version`,
    reply: { server: { name: 'Synapse', version: 1 } },
    result: { name: 'Synapse', version: undefined },
  },
  {
    name: 'event',
    call: (r) => r.event(a, event),
    method: 'GET',
    uri: `${v1}/event/${eventPart}`,
    reply: { pdus: [pdu] },
    result: { pdus: [strict] },
  },
  {
    name: 'eventAuth',
    call: (r) => r.eventAuth(a, room, event),
    method: 'GET',
    uri: `${v1}/event_auth/${roomPart}/${eventPart}`,
    reply: { auth_chain: [pdu, 'x', null, [], 1.5] },
    result: { pdus: [strict] },
  },
  {
    name: 'stateIds',
    call: (r) => r.stateIds(a, room, event),
    method: 'GET',
    uri: `${v1}/state_ids/${roomPart}?event_id=${eventPart}`,
    reply: { pdu_ids: [hash, 'no', 7], auth_chain_ids: 'x' },
    result: { pduIds: [hash], authChainIds: [] },
  },
  {
    name: 'state',
    call: (r) => r.state(a, room, event),
    method: 'GET',
    uri: `${v1}/state/${roomPart}?event_id=${eventPart}`,
    reply: '{"pdus":[{},"x",{"n":1.5,"n":2}],"auth_chain":[{"m":{"k":-0}}],"other":1e3}',
    result: {
      pdus: [
        { pdu: {}, violations: [] },
        {
          pdu: { n: 2 },
          violations: [
            { kind: 'float', path: ['n'] },
            { kind: 'duplicateKey', path: ['n'] },
          ],
        },
      ],
      authChain: { pdus: [{ pdu: expect.anything(), violations: [{ kind: 'negativeZero', path: ['m', 'k'] }] }] },
    },
  },
  {
    name: 'backfill',
    call: (r) => r.backfill(a, room, [event, hash as EventId], 50),
    method: 'GET',
    uri: `${v1}/backfill/${roomPart}?v=${eventPart}&v=%24${'h'.repeat(43)}&limit=50`,
    reply: { pdus: [] },
    result: { pdus: [] },
  },
  {
    name: 'missingEvents',
    call: (r) => r.missingEvents(a, room, { earliest: [event], latest: [], limit: 10, minDepth: 3 }),
    method: 'POST',
    uri: `${v1}/get_missing_events/${roomPart}`,
    body: { earliest_events: [event], latest_events: [], limit: 10, min_depth: 3 },
    reply: { events: {} },
    result: { pdus: [] },
  },
  {
    name: 'makeJoin',
    call: (r) => r.makeJoin(a, room, user, ['1', 'org.x/y']),
    method: 'GET',
    uri: `${v1}/make_join/${roomPart}/${userPart}?ver=1&ver=org.x%2Fy`,
    reply: { event: pdu, room_version: '10' },
    result: { event: pdu, roomVersion: '10' },
  },
  {
    name: 'makeLeave',
    call: (r) => r.makeLeave(a, room, user),
    method: 'GET',
    uri: `${v1}/make_leave/${roomPart}/${userPart}`,
    reply: { event: pdu },
    result: { event: pdu, roomVersion: '1' },
  },
  {
    name: 'makeKnock',
    call: (r) => r.makeKnock(a, room, user, ['7']),
    method: 'GET',
    uri: `${v1}/make_knock/${roomPart}/${userPart}?ver=7`,
    reply: { event: pdu, room_version: '7' },
    result: { event: pdu, roomVersion: '7' },
  },
  {
    name: 'sendJoin',
    call: (r) => r.sendJoin(a, room, event, pdu),
    method: 'PUT',
    uri: `${v2}/send_join/${roomPart}/${eventPart}`,
    body: pdu,
    reply: { state: [] },
    result: { status: 200, body: { state: [] }, violations: [] },
  },
  {
    name: 'sendLeave',
    call: (r) => r.sendLeave(a, room, event, pdu),
    method: 'PUT',
    uri: `${v2}/send_leave/${roomPart}/${eventPart}`,
    body: pdu,
    reply: {},
    result: undefined,
  },
  {
    name: 'sendKnock',
    call: (r) => r.sendKnock(a, room, event, pdu),
    method: 'PUT',
    uri: `${v1}/send_knock/${roomPart}/${eventPart}`,
    body: pdu,
    reply: {},
    result: { status: 200, body: {}, violations: [] },
  },
  {
    name: 'invite',
    call: (r) =>
      r.invite(a, { roomId: room, eventId: event, roomVersion: '11', event: pdu, inviteRoomState: [{ a: 1 }] }),
    method: 'PUT',
    uri: `${v2}/invite/${roomPart}/${eventPart}`,
    body: { room_version: '11', event: pdu, invite_room_state: [{ a: 1 }] },
    reply: { event: { signed: true } },
    result: { signed: true },
  },
  {
    name: 'queryDirectory',
    call: (r) => r.queryDirectory(a, '#ü&:a.test'),
    method: 'GET',
    uri: `${v1}/query/directory?room_alias=%23%C3%BC%26%3Aa.test`,
    reply: { room_id: '!r:a.test', servers: ['a.test', 'not a name', 5, 'b.test:1'] },
    result: { roomId: '!r:a.test', servers: ['a.test', 'b.test:1'] },
  },
  {
    name: 'queryProfile',
    call: (r) => r.queryProfile(a, user, 'm.tz'),
    method: 'GET',
    uri: `${v1}/query/profile?user_id=${userPart}&field=m.tz`,
    reply: { 'm.tz': 'x' },
    result: { 'm.tz': 'x' },
  },
  {
    name: 'queryProfile of all',
    call: (r) => r.queryProfile(a, user),
    method: 'GET',
    uri: `${v1}/query/profile?user_id=${userPart}`,
    reply: {},
    result: {},
  },
];
test.each(calls)('$name', async ({ call, method, uri, body, reply, result }) => {
  const { net, remote } = await remoteWith({ [uri]: () => json(reply) });
  expect(await call(remote)).toEqual(result);
  const [sent] = net.requests;
  expect([sent?.method, sent?.path]).toEqual([method, uri]);
  expect(sent?.body && parseJson(sent.body).value).toEqual(body);
});

const useless: readonly [string, (remote: RemoteServers) => Promise<unknown>, uri: string, reply: unknown][] = [
  [
    'make_join without event',
    (r) => r.makeJoin(a, room, user, []),
    `${v1}/make_join/${roomPart}/${userPart}`,
    { event: 'x' },
  ],
  [
    'state_ids that are a list',
    (r) => r.stateIds(a, room, event),
    `${v1}/state_ids/${roomPart}?event_id=${eventPart}`,
    [],
  ],
  [
    'a directory without room',
    (r) => r.queryDirectory(a, '#x'),
    `${v1}/query/directory?room_alias=%23x`,
    { room_id: 'x' },
  ],
];
test.each(useless)('%s is no answer', async (_what, call, uri, reply) => {
  const { remote } = await remoteWith({ [uri]: () => json(reply) });
  await expect(call(remote)).rejects.toMatchObject({ name: 'RemoteError', stage: 'reply', status: 200 });
});

test('a transaction is recorded with what the peer says of its PDUs', async () => {
  const reply = { pdus: { [hash]: {}, [event]: { error: 'not allowed' } } };
  const { remote, net, flows } = await remoteWith({ [`${v1}/send/t%2F1`]: () => json(reply) });
  const body: JsonObject = { origin: 'us.test', origin_server_ts: 1, pdus: [pdu, pdu], edus: [{}, {}, {}] };
  expect(await remote.sendTransaction(a, 't/1', body, 4)).toEqual({ pdus: reply.pdus });
  expect(net.requests[0]?.method).toBe('PUT');
  expect(flows[0]).toMatchObject({
    opening: { endpoint: 'send', attempt: 4 },
    pdus: [
      { eventId: hash, outcome: 'accepted', reason: undefined },
      { eventId: event, outcome: 'rejected', reason: 'not allowed' },
    ],
  });
});

test.each([{}, { pdus: [] }, { pdus: 7 }])('a transaction answered with %j is done', async (reply) => {
  const { remote } = await remoteWith({ [`${v1}/send/1`]: () => json(reply) });
  expect(await remote.sendTransaction(a, '1', { pdus: [] }, 1)).toEqual({ pdus: {} });
});

const invite = (roomVersion: string) => ({
  roomId: room,
  eventId: event,
  roomVersion,
  event: { type: 'm.room.member' },
  inviteRoomState: [{ type: 'm.room.create' }],
});
const inviteTo = `/invite/${roomPart}/${eventPart}`;

test.each([
  json('404 page not found', {}, 404),
  json({ errcode: 'M_UNRECOGNIZED' }, {}, 404),
  json({ errcode: 'M_UNRECOGNIZED' }, {}, 400),
])('an invite to an old server goes by v1 where the room is old, too', async (refusal) => {
  const { remote, net } = await remoteWith({
    [v2 + inviteTo]: () => refusal,
    [v1 + inviteTo]: () => json([200, { event: { signed: true } }]),
  });
  expect(await remote.invite(a, invite('2'))).toEqual({ signed: true });
  expect(JSON.parse(String(net.requests[1]?.body))).toEqual({
    type: 'm.room.member',
    unsigned: { invite_room_state: [{ type: 'm.room.create' }] },
  });
  await expect(remote.invite(a, invite('3'))).rejects.toMatchObject({ status: refusal.status });
});

test.each([
  json({ errcode: 'M_FORBIDDEN' }, {}, 403),
  json({ errcode: 'M_INVALID_PARAM' }, {}, 400),
  json({ errcode: 'M_UNKNOWN' }, {}, 500),
])('an invite that is refused is refused', async (refusal) => {
  const { remote, net } = await remoteWith({ [v2 + inviteTo]: () => refusal });
  await expect(remote.invite(a, invite('1'))).rejects.toMatchObject({ status: refusal.status });
  expect(net.requests).toHaveLength(1);
});
