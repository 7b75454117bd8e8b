import type { JsonObject } from '../../../main/protocol/json.ts';
import {
  type Attempt,
  after,
  alice,
  attempt,
  bob,
  carol,
  dave,
  eve,
  frank,
  type Row,
  scene,
  setMember,
  setState,
  usersOf,
} from '../auth-table.ts';
import { type TestRoom, testRoom } from '../pdu-factory.ts';

const zoe = '@zoe:signed.test'; // whose server signs

/** A membership that somebody tries to set while the room has this join rule. */
function under(joinRule: string, sender: string, target: string, membership: string, more: JsonObject = {}) {
  return (room: TestRoom, happen: (line: TestRoom) => unknown = () => undefined): Attempt =>
    setMember(
      after(room, (line) => [line.joinRules(alice, joinRule), happen(line)]),
      ...([sender, target, membership, more] as const),
    );
}
const joins = (user: string, joinRule: string, more: JsonObject = {}) => under(joinRule, user, user, 'join', more);
const knocks = (user: string, joinRule: string) => under(joinRule, user, user, 'knock');
const withLevels = (room: TestRoom, more: JsonObject, users: JsonObject = {}) =>
  after(room, (line) => line.powerLevels(alice, { users: usersOf(line, users), ...more }));

const signed = (mxid: string) => ({ mxid, token: 'tok', signatures: { 'id.test': { 'ed25519:0': 'good' } } });
/** bob has invited a third party, and `sender` now invites `target` as that one. */
function redeem(
  room: TestRoom,
  sender: string,
  target: string,
  proof: JsonObject,
  happen = (_: TestRoom): unknown => 0,
) {
  const content = { public_key: 'key 1', public_keys: [{ public_key: 'key 2' }, { public_key: 3 }, 'key 4'] };
  const line = after(room, (fork) => [
    fork.send({ type: 'm.room.third_party_invite', sender: bob, stateKey: 'tok', content }),
    happen(fork),
  ]);
  return setMember(line, sender, target, 'invite', { third_party_invite: proof });
}

const restrictedRows = (['restricted', 'knock_restricted'] as const).map((joinRule): Row => {
  const via = (user: string) => ({ join_authorised_via_users_server: user });
  const trust = (line: TestRoom) => [
    line.join(zoe),
    line.powerLevels(alice, { users: usersOf(line, { [zoe]: 10 }), invite: 10 }),
  ];
  return {
    rule: 'restricted join is authorised',
    since: joinRule === 'restricted' ? 8 : 10,
    allows: {
      [`${joinRule}, invited`]: (room) => joins(dave, joinRule)(room),
      [`${joinRule}, joined`]: (room) => joins(carol, joinRule)(room),
      [`${joinRule}, authorised`]: (room) => joins(frank, joinRule, via(zoe))(room, trust),
    },
    rejects: {
      [`${joinRule}, not authorised`]: (room) => joins(frank, joinRule)(room, trust),
      [`${joinRule}, by who may not invite`]: (room) =>
        joins(frank, joinRule, via(zoe))(room, (line) => line.join(zoe)),
      [`${joinRule}, by who has left`]: (room) =>
        joins(frank, joinRule, via(zoe))(room, (line) => [trust(line), line.leave(zoe)]),
    },
  };
});

/** The rules of `m.room.member`. */
export const memberRows: readonly Row[] = [
  {
    rule: 'member event names user and membership',
    allows: { both: (room) => setMember(room, frank, frank, 'join') },
    rejects: {
      'no user': (room) => attempt(room, { type: 'm.room.member', sender: frank, content: { membership: 'join' } }),
      'no membership': (room) => setState(room, frank, 'm.room.member', frank),
    },
  },
  {
    rule: 'membership is known',
    allows: { known: (room) => setMember(room, carol, carol, 'leave') },
    rejects: {
      unknown: (room) => setMember(room, carol, carol, 'dance'),
      'no string': (room) => setState(room, carol, 'm.room.member', carol, { membership: 1 }),
    },
  },
  {
    rule: 'membership is known',
    until: 6,
    allows: {},
    rejects: { 'knock, not yet there': (room) => knocks(frank, 'knock')(room) },
  },
  {
    rule: 'authorising server signed',
    since: 8,
    allows: {
      signed: (room) => setMember(room, frank, frank, 'join', { join_authorised_via_users_server: zoe }),
      'signed leave': (room) => setMember(room, bob, bob, 'leave', { join_authorised_via_users_server: zoe }),
    },
    rejects: {
      unsigned: (room) => setMember(room, frank, frank, 'join', { join_authorised_via_users_server: bob }),
      'unsigned leave': (room) => setMember(room, bob, bob, 'leave', { join_authorised_via_users_server: bob }),
      'no user ID': (room) =>
        setMember(room, frank, frank, 'join', { join_authorised_via_users_server: 'signed.test' }),
      'no string': (room) => setMember(room, frank, frank, 'join', { join_authorised_via_users_server: null }),
    },
  },
  {
    rule: 'authorising server signed',
    until: 7,
    allows: {
      'what means nothing yet': (room) =>
        setMember(room, frank, frank, 'join', { join_authorised_via_users_server: bob }),
    },
    rejects: {},
  },

  // -- join
  {
    rule: 'join rule allows the join',
    allows: { 'the creator as the first': (_, version) => setMember(testRoom(version), alice, alice, 'join') },
    rejects: {
      'the creator after more than create': (_, version) => {
        const room = testRoom(version);
        const content = { membership: 'join' };
        const prevEvents = [...room.heads, room.fork().message(alice, '')];
        return attempt(room, { type: 'm.room.member', sender: alice, stateKey: alice, content, prevEvents });
      },
      'another as the first': (_, version) => setMember(testRoom(version), bob, bob, 'join'),
      'the creator later': (_, version) =>
        setMember(
          after(testRoom(version), (line) => line.message(alice, '')),
          alice,
          alice,
          'join',
        ),
    },
  },
  {
    rule: 'join rule allows the join', // until version 10 the creator is who is named
    until: 10,
    allows: {
      'who is named': (_, version) => setMember(testRoom(version, { content: { creator: bob } }), bob, bob, 'join'),
    },
    rejects: {
      'who sent it': (_, version) => setMember(testRoom(version, { content: { creator: bob } }), alice, alice, 'join'),
    },
  },
  {
    rule: 'join rule allows the join', // since version 11 it is the sender of the create event
    since: 11,
    allows: {
      'who sent it': (_, version) => setMember(testRoom(version, { content: { creator: bob } }), alice, alice, 'join'),
    },
    rejects: {
      'who is named': (_, version) => setMember(testRoom(version, { content: { creator: bob } }), bob, bob, 'join'),
      'additional creator': (_, version) =>
        setMember(testRoom(version, { content: { additional_creators: [bob] } }), bob, bob, 'join'),
    },
  },
  {
    rule: 'sender is the member',
    allows: { oneself: (room) => setMember(room, frank, frank, 'join') },
    rejects: { another: (room) => setMember(room, alice, frank, 'join') },
  },
  {
    rule: 'sender is not banned',
    allows: {
      unbanned: (room) =>
        setMember(
          after(room, (line) => line.kick(alice, eve)),
          eve,
          eve,
          'join',
        ),
    },
    rejects: { banned: (room) => setMember(room, eve, eve, 'join') },
  },
  {
    rule: 'join rule allows the join',
    allows: {
      'public, anyone': (room) => setMember(room, frank, frank, 'join'),
      'invite, invited': (room) => joins(dave, 'invite')(room),
      'invite, joined': (room) => joins(carol, 'invite')(room),
      'no join rules, invited': (_, version) =>
        setMember(
          after(testRoom(version), (line) => [line.join(alice), line.invite(alice, dave)]),
          dave,
          dave,
          'join',
        ),
    },
    rejects: {
      'invite, not invited': (room) => joins(frank, 'invite')(room),
      'invite, kicked': (room) => joins(carol, 'invite')(room, (line) => line.kick(alice, carol)),
      'no join rules, not invited': (_, version) =>
        setMember(
          after(testRoom(version), (line) => line.join(alice)),
          frank,
          frank,
          'join',
        ),
      'an unknown rule, invited': (room) => joins(dave, 'private')(room),
      'no string, invited': (room) =>
        joins(dave, 'invite')(room, (line) => line.joinRules(alice, '', { join_rule: ['public'] })),
    },
  },
  {
    rule: 'join rule allows the join',
    since: 7,
    allows: {
      'knock, invited': (room) => joins(dave, 'knock')(room),
      'knock, joined': (room) => joins(carol, 'knock')(room),
    },
    rejects: {
      'knock, not invited': (room) => joins(frank, 'knock')(room),
      'knock, knocking': (room) => joins(frank, 'knock')(room, (line) => line.member(frank, frank, 'knock')),
    },
  },
  ...[['knock', 6] as const, ['restricted', 7] as const, ['knock_restricted', 9] as const].map(
    ([joinRule, until]): Row => ({
      rule: 'join rule allows the join', // the version does not know it: it admits nobody
      until,
      allows: {},
      rejects: { [`${joinRule}, invited`]: (room) => joins(dave, joinRule)(room) },
    }),
  ),
  ...restrictedRows,

  // -- invite
  {
    rule: 'third-party invite is redeemed',
    allows: {
      'by its sender': (room) => redeem(room, bob, frank, { signed: signed(frank) }),
      'by its sender, who has left': (room) =>
        redeem(room, bob, frank, { signed: signed(frank) }, (line) => line.leave(bob)),
    },
    rejects: {
      'of who is banned': (room) => redeem(room, bob, eve, { signed: signed(eve) }),
      'that is no object': (room) => setMember(room, bob, frank, 'invite', { third_party_invite: true }),
      'with nothing signed': (room) => redeem(room, bob, frank, {}),
      'without mxid': (room) => redeem(room, bob, frank, { signed: { token: 'tok', signatures: {} } }),
      'without token': (room) => redeem(room, bob, frank, { signed: { mxid: frank, signatures: {} } }),
      'of another user': (room) => redeem(room, bob, frank, { signed: signed(dave) }),
      'that was not made': (room) => redeem(room, bob, frank, { signed: { ...signed(frank), token: 'other' } }),
      'by another': (room) => redeem(room, alice, frank, { signed: signed(frank) }),
      'with a bad signature': (room) => redeem(room, bob, frank, { signed: { ...signed(frank), signatures: {} } }),
    },
  },
  {
    rule: 'sender is joined',
    allows: { 'to invite': (room) => setMember(room, bob, frank, 'invite') },
    rejects: {
      'to invite': (room) => setMember(room, dave, frank, 'invite'),
      'to invite, left': (room) =>
        setMember(
          after(room, (line) => line.leave(bob)),
          bob,
          frank,
          'invite',
        ),
    },
  },
  {
    rule: 'target may be invited',
    allows: {
      outside: (room) => setMember(room, bob, frank, 'invite'),
      invited: (room) => setMember(room, bob, dave, 'invite'),
    },
    rejects: {
      joined: (room) => setMember(room, bob, carol, 'invite'),
      banned: (room) => setMember(room, bob, eve, 'invite'),
    },
  },
  {
    rule: 'sender may invite',
    allows: {
      'at the invite level': (room) => setMember(room, bob, frank, 'invite'),
      'anyone by default': (room) => setMember(withLevels(room, {}), carol, frank, 'invite'),
    },
    rejects: { 'below the invite level': (room) => setMember(room, carol, frank, 'invite') },
  },

  // -- leave, kick, unban, ban
  {
    rule: 'leaver is in',
    allows: {
      joined: (room) => setMember(room, carol, carol, 'leave'),
      invited: (room) => setMember(room, dave, dave, 'leave'),
    },
    rejects: {
      'never in': (room) => setMember(room, frank, frank, 'leave'),
      banned: (room) => setMember(room, eve, eve, 'leave'),
      left: (room) =>
        setMember(
          after(room, (line) => line.leave(carol)),
          carol,
          carol,
          'leave',
        ),
    },
  },
  {
    rule: 'leaver is in',
    since: 7,
    allows: {
      knocking: (room) =>
        setMember(
          after(room, (line) => line.member(frank, frank, 'knock')),
          frank,
          frank,
          'leave',
        ),
    },
    rejects: {},
  },
  {
    rule: 'leaver is in',
    until: 6,
    allows: {},
    rejects: {
      knocking: (room) =>
        setMember(
          after(room, (line) => line.member(frank, frank, 'knock')),
          frank,
          frank,
          'leave',
        ),
    },
  },
  {
    rule: 'sender is joined',
    allows: {
      'to kick': (room) => setMember(room, bob, carol, 'leave'),
      'to ban': (room) => setMember(room, bob, carol, 'ban'),
    },
    rejects: {
      'to kick': (room) =>
        setMember(
          after(room, (line) => line.leave(bob)),
          bob,
          carol,
          'leave',
        ),
      'to ban': (room) =>
        setMember(
          after(room, (line) => line.leave(bob)),
          bob,
          carol,
          'ban',
        ),
    },
  },
  {
    rule: 'sender may unban',
    allows: { 'at both levels': (room) => setMember(room, bob, eve, 'leave') },
    rejects: { 'below the ban level': (room) => setMember(withLevels(room, { ban: 51 }), bob, eve, 'leave') },
  },
  {
    rule: 'sender may kick',
    allows: {
      joined: (room) => setMember(room, bob, carol, 'leave'),
      invited: (room) => setMember(room, bob, dave, 'leave'),
    },
    rejects: {
      'below the kick level': (room) => setMember(room, carol, dave, 'leave'),
      'unban below the kick level': (room) => setMember(withLevels(room, { kick: 51 }), bob, eve, 'leave'),
    },
  },
  {
    rule: 'sender outranks the target',
    allows: {
      'to kick': (room) => setMember(room, alice, bob, 'leave'),
      'to ban': (room) => setMember(room, alice, bob, 'ban'),
    },
    rejects: {
      'kick of a higher one': (room) => setMember(room, bob, alice, 'leave'),
      'ban of a higher one': (room) => setMember(room, bob, alice, 'ban'),
      'kick of an equal': (room) => setMember(withLevels(room, {}, { [carol]: 50 }), bob, carol, 'leave'),
      'ban of an equal': (room) => setMember(withLevels(room, {}, { [carol]: 50 }), bob, carol, 'ban'),
      'unban of a higher one': (room) => setMember(withLevels(room, {}, { [eve]: 51 }), bob, eve, 'leave'),
    },
  },
  {
    rule: 'sender outranks the target',
    since: 12,
    allows: {
      'additional creator, anyone': (_, version) =>
        setMember(scene(version, { additional_creators: [carol] }), carol, bob, 'ban'),
    },
    rejects: {
      'creator, additional one': (_, version) =>
        setMember(scene(version, { additional_creators: [carol] }), alice, carol, 'leave'),
      'additional creator, creator': (_, version) =>
        setMember(scene(version, { additional_creators: [carol] }), carol, alice, 'ban'),
    },
  },
  {
    rule: 'sender may ban',
    allows: {
      joined: (room) => setMember(room, bob, carol, 'ban'),
      'never in': (room) => setMember(room, bob, frank, 'ban'),
    },
    rejects: { 'below the ban level': (room) => setMember(room, carol, frank, 'ban') },
  },

  // -- knock
  {
    rule: 'join rule allows knocking',
    since: 7,
    allows: { knock: (room) => knocks(frank, 'knock')(room) },
    rejects: {
      public: (room) => knocks(frank, 'public')(room),
      invite: (room) => knocks(frank, 'invite')(room),
      restricted: (room) => knocks(frank, 'restricted')(room),
    },
  },
  {
    rule: 'join rule allows knocking',
    since: 10,
    allows: { knock_restricted: (room) => knocks(frank, 'knock_restricted')(room) },
    rejects: {},
  },
  {
    rule: 'join rule allows knocking',
    since: 7,
    until: 9,
    allows: {},
    rejects: { knock_restricted: (room) => knocks(frank, 'knock_restricted')(room) },
  },
  {
    rule: 'sender is the member',
    since: 7,
    allows: { 'to knock': (room) => knocks(frank, 'knock')(room) },
    rejects: { 'to knock': (room) => under('knock', alice, frank, 'knock')(room) },
  },
  {
    rule: 'knocker is outside',
    since: 7,
    allows: {
      knocking: (room) => knocks(frank, 'knock')(room, (line) => line.member(frank, frank, 'knock')),
      left: (room) => knocks(carol, 'knock')(room, (line) => line.leave(carol)),
    },
    rejects: {
      joined: (room) => knocks(carol, 'knock')(room),
      invited: (room) => knocks(dave, 'knock')(room),
      banned: (room) => knocks(eve, 'knock')(room),
    },
  },
];
