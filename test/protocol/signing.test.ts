import { expect, test } from 'vitest';
import { decodeBase64 } from '../../main/protocol/base64.ts';
import { signEvent } from '../../main/protocol/event-signing.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import { roomVersions } from '../../main/protocol/room-versions.ts';
import { signingKeyFromSeed, signJson } from '../../main/protocol/signing.ts';
import type { ServerName } from '../../shared/ids.ts';

// https://spec.matrix.org/v1.19/appendices/#cryptographic-test-vectors
const seed = decodeBase64('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1') ?? new Uint8Array();
const key = signingKeyFromSeed('ed25519:1', seed);
const domain = 'domain' as ServerName;

test.each<[JsonObject, signature: string]>([
  [{}, 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ'],
  [{ one: 1, two: 'Two' }, 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw'],
])('the specification signs %j', (object, signature) => {
  expect(signJson(object, domain, key)).toEqual({ ...object, signatures: { domain: { 'ed25519:1': signature } } });
});

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
  const rules = roomVersions.get(version);
  if (rules === undefined) throw new Error();
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
