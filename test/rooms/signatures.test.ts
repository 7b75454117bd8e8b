import { expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import { mergeSignatures, newSigners } from '../../main/rooms/signatures.ts';
import { testRoom } from '../support/pdu-factory.ts';

const room = testRoom('11');
const event = room.join('@alice:a.test');
const signed = (signatures: JsonObject) => ({ ...event, pdu: { ...event.pdu, signatures } });
const ours = signed({ 'a.test': { 'ed25519:1': 'good' } });

test('what is new is added, what is there stays, and nothing else is taken', () => {
  const other = {
    type: 'x',
    signatures: { 'a.test': { 'ed25519:1': 'forged', 'ed25519:2': 'b' }, 'b.test': { k: 's' } },
  };
  expect(mergeSignatures(ours, other)).toEqual({
    ...event.pdu,
    signatures: { 'a.test': { 'ed25519:1': 'good', 'ed25519:2': 'b' }, 'b.test': { k: 's' } },
  });
  expect(newSigners(ours.pdu, other)).toEqual(['b.test']);
  expect(mergeSignatures(ours, other, new Set(['b.test']))['signatures']).toEqual({
    'a.test': { 'ed25519:1': 'good' },
    'b.test': { k: 's' },
  });
});

test('nothing new is the very same object, and so is what would be too large', () => {
  expect(mergeSignatures(ours, { signatures: { 'a.test': { 'ed25519:1': 'forged' }, 'c.test': 7 } })).toBe(ours.pdu);
  expect(mergeSignatures(ours, { signatures: 'none' })).toBe(ours.pdu);
  expect(mergeSignatures(ours, { signatures: { 'b.test': { k: 'x'.repeat(65_536) } } })).toBe(ours.pdu);
});

test('in room version 1 another event of the same ID has no signatures for this one', () => {
  const old = testRoom('1').join('@alice:a.test');
  const other = { ...old.pdu, origin_server_ts: 7, signatures: { 'b.test': { k: 's' } } };
  expect(mergeSignatures(old, other)).toBe(old.pdu);
  expect(mergeSignatures(old, { ...old.pdu, signatures: { 'b.test': { k: 's' } } })).not.toBe(old.pdu);
});
