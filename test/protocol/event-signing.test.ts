import { describe, expect, test } from 'vitest';
import { decodeBase64 } from '../../main/protocol/base64.ts';
import { parseEvent, redactedEvent } from '../../main/protocol/event.ts';
import { contentHash, hasRightContentHash, referenceHash } from '../../main/protocol/event-hash.ts';
import {
  authorisingServer,
  cosignEvent,
  eventMessage,
  requiredSigners,
  signEvent,
} from '../../main/protocol/event-signing.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import { redact } from '../../main/protocol/redaction.ts';
import { type RoomVersionRules, roomVersions } from '../../main/protocol/room-versions.ts';
import { signatureOf, signingKeyFromSeed, verifySignature } from '../../main/protocol/signing.ts';
import type { ServerName } from '../../shared/ids.ts';

// https://spec.matrix.org/v1.19/appendices/#cryptographic-test-vectors
const seed = decodeBase64('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1') ?? new Uint8Array();
const key = signingKeyFromSeed('ed25519:1', seed);
const domain = 'domain' as ServerName;
const rulesOf = (version: string) => roomVersions.get(version) as RoomVersionRules;

const minimal = {
  room_id: '!x:domain',
  sender: '@a:domain',
  origin: 'domain',
  origin_server_ts: 1000000,
  signatures: {},
  hashes: {},
  type: 'X',
  content: {},
  prev_events: [],
  auth_events: [],
  depth: 3,
  unsigned: { age_ts: 1000000 },
};
const redactable = {
  content: { body: 'Here is the message content' },
  event_id: '$0:domain',
  origin: 'domain',
  origin_server_ts: 1000000,
  type: 'm.room.message',
  room_id: '!r:domain',
  sender: '@u:domain',
  signatures: {},
  unsigned: { age_ts: 1000000 },
};
// Of before room version 11, whose redaction keeps `origin`.
test.each(['1', '10'])('the specification signs events, in version %s', (version) => {
  const rules = rulesOf(version);
  expect(signEvent(minimal, rules, domain, key)).toEqual({
    ...minimal,
    hashes: { sha256: '5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos' },
    signatures: {
      domain: {
        'ed25519:1': 'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg',
      },
    },
  });
  expect(signEvent(redactable, rules, domain, key)).toEqual({
    ...redactable,
    hashes: { sha256: 'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g' },
    signatures: {
      domain: {
        'ed25519:1': 'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA',
      },
    },
  });
});

describe.each([...roomVersions])('in room version %s', (_, rules) => {
  const signed = signEvent({ ...minimal, content: { body: 'hello' } }, rules, domain, key);
  const signature = (event: JsonObject) => signatureOf(event, domain, 'ed25519:1') ?? '';
  const isRight = (event: JsonObject) => verifySignature(key.publicKey, eventMessage(event, rules), signature(event));

  test('a signature covers the event, whole and redacted', () => {
    expect(hasRightContentHash(signed)).toBe(true);
    expect(isRight(signed)).toBe(true);
    expect(isRight(redact(signed, rules))).toBe(true);
    expect(hasRightContentHash(redact(signed, rules))).toBe(false);
    expect(referenceHash(redact(signed, rules), rules)).toBe(referenceHash(signed, rules));
  });

  test('a changed content breaks the hash alone, a changed sender both', () => {
    const content = { ...signed, content: { body: 'bye' } };
    expect([hasRightContentHash(content), isRight(content)]).toEqual([false, true]);
    expect(referenceHash(content, rules)).toBe(referenceHash(signed, rules));
    const sender = { ...signed, sender: '@eve:domain' };
    expect([hasRightContentHash(sender), isRight(sender)]).toEqual([false, false]);
    expect(referenceHash(sender, rules)).not.toBe(referenceHash(signed, rules));
  });

  test('others may sign, too, and change `unsigned`', () => {
    const other = signingKeyFromSeed('ed25519:other', new Uint8Array(32));
    const cosigned = cosignEvent({ ...signed, unsigned: { age: 7 } }, rules, 'b.test' as ServerName, other);
    expect(cosigned).toEqual({
      ...signed,
      unsigned: { age: 7 },
      signatures: {
        domain: { 'ed25519:1': signature(signed) },
        'b.test': { 'ed25519:other': other.sign(eventMessage(signed, rules)) },
      },
    });
    expect(referenceHash(cosigned, rules)).toBe(referenceHash(signed, rules));
    expect(isRight(cosigned)).toBe(true);
  });
});

test.each<[what: string, hashes: unknown, isRight: boolean]>([
  ['padded', { sha256: `${contentHash(minimal)}=` }, true],
  ['URL-safe', { sha256: contentHash(minimal).replaceAll('+', '-').replaceAll('/', '_') }, true],
  ['another', { sha256: contentHash({ ...minimal, depth: 4 }) }, false],
  ['cut', { sha256: contentHash(minimal).slice(0, 40) }, false],
  ['no base64', { sha256: '*'.repeat(43) }, false],
  ['no string', { sha256: 3 }, false],
  ['no hash', {}, false],
  ['no object', 'x', false],
])('a content hash that is %s', (_, hashes, isRight) => {
  expect(hasRightContentHash({ ...minimal, hashes } as JsonObject)).toBe(isRight);
});

test('the reference hash is URL-safe since version 4', () => {
  const hashes = ['1', '2', '3', '4', '12'].map((version) => referenceHash({ ...minimal, depth: 9 }, rulesOf(version)));
  expect(hashes.map((hash) => hash.length)).toEqual([43, 43, 43, 43, 43]);
  expect(hashes[2]).toMatch(/[+/]/); // or this event would not show it
  expect(hashes.slice(0, 2)).toEqual([hashes[2], hashes[2]]);
  expect(hashes[3]).toBe(hashes[2]?.replaceAll('+', '-').replaceAll('/', '_'));
});

describe('who must have signed', () => {
  const event = (version: string, changes: JsonObject) =>
    parseEvent(
      {
        ...minimal,
        ...(version === '12' && { room_id: `!${'a'.repeat(43)}` }),
        hashes: { sha256: '' },
        event_id: '$e:maker',
        ...changes,
      },
      rulesOf(version),
    );
  const invite = { membership: 'invite', third_party_invite: { signed: {} } };
  const member = { type: 'm.room.member', state_key: '@b:b.test' };

  test.each<[what: string, version: string, changes: JsonObject, signers: readonly string[]]>([
    ['of any event', '12', {}, ['domain']],
    ['of any event', '3', {}, ['domain']],
    ['of an event with an ID by another server', '2', {}, ['domain', 'maker']],
    ['of an event with an ID by the same server', '1', { event_id: '$e:domain' }, ['domain']],
    ['of an invite', '10', { ...member, content: { membership: 'invite' } }, ['domain']],
    ['of a third-party invite', '10', { ...member, content: invite }, []],
    ['of a third-party invite', '1', { ...member, content: invite }, ['maker']],
    ['of a join that pretends', '10', { ...member, content: { ...invite, membership: 'join' } }, ['domain']],
    ['of a message that pretends', '10', { content: invite }, ['domain']],
    ['of an invite that is none', '10', { ...member, content: { ...invite, third_party_invite: 1 } }, ['domain']],
  ])('%s in version %s', (_, version, changes, signers) => {
    expect(requiredSigners(event(version, changes))).toEqual(signers);
  });

  test('of a third-party invite, once it is redacted: the sender’s server, until version 11 keeps the proof', () => {
    const redacted = (version: string) => redactedEvent(event(version, { ...member, content: invite }));
    expect(requiredSigners(redacted('10'))).toEqual(['domain']);
    expect(requiredSigners(redacted('11'))).toEqual([]);
  });

  test.each<[via: unknown, version: string, type: string, server: string | undefined]>([
    ['@c:c.test:8448', '8', 'm.room.member', 'c.test:8448'],
    ['@c:c.test', '12', 'm.room.member', 'c.test'],
    ['@c:c.test', '7', 'm.room.member', undefined],
    ['@c:c.test', '8', 'm.room.message', undefined],
    ['c.test', '8', 'm.room.member', undefined],
    [3, '8', 'm.room.member', undefined],
    [undefined, '8', 'm.room.member', undefined],
  ])('a restricted join via %j in version %s, %s', (via, version, type, server) => {
    const content = { membership: 'join', ...(via !== undefined && { join_authorised_via_users_server: via }) };
    expect(authorisingServer(event(version, { ...member, type, content } as JsonObject))).toBe(server);
  });
});
