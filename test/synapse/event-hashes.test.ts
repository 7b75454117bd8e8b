import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, writeJson } from '../../main/protocol/canonical-json.ts';
import { contentHash, referenceHash } from '../../main/protocol/event-hash.ts';
import { isObject, type JsonObject, type JsonValue, parseJson, RawNumber } from '../../main/protocol/json.ts';
import { redact } from '../../main/protocol/redaction.ts';
import { roomVersions } from '../../main/protocol/room-versions.ts';
import { noSynapse } from '../support/synapse.ts';

/** One line of JSON in, one out: what Synapse's own modules make of an event. */
const program = `
import hashlib, json, sys
from canonicaljson import encode_canonical_json
from unpaddedbase64 import encode_base64
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.crypto.event_signing import compute_content_hash, compute_event_reference_hash
from synapse.events import make_event_from_dict
from synapse.events.utils import prune_event
for line in sys.stdin:
    version, text = json.loads(line)
    event = make_event_from_dict(json.loads(text), KNOWN_ROOM_VERSIONS[version])
    redacted = prune_event(event).get_pdu_json()
    redacted.pop("unsigned", None)
    print(json.dumps({
        "canonical": encode_canonical_json(json.loads(text)).decode(),
        "redacted": encode_canonical_json(redacted).decode(),
        "contentHash": encode_base64(compute_content_hash(json.loads(text), hashlib.sha256)[1]),
        "referenceHash": encode_base64(compute_event_reference_hash(event)[1], urlsafe=int(version) > 3),
    }))
`;

const types = 'member create join_rules power_levels history_visibility aliases redaction third_party_invite message';
const contentKeys =
  'membership creator join_rule allow ban events events_default kick redact state_default users users_default invite ' +
  'history_visibility aliases redacts join_authorised_via_users_server third_party_invite notifications room_version';

/** As Synapse itself writes them, and so sends them on. */
const numbers = '1.0 -0 -0.0 50.57 0.0001 1e-05 1e+16 1.5e+300 9007199254740993 -123456789012345678901';

const text = fc.string({ unit: 'binary', maxLength: 8 });
const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.maxSafeInteger(),
    fc.constantFrom(...numbers.split(' ')).map((lexeme) => new RawNumber(lexeme)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', '10', '9', '😀', '\uff5e', 'signed')), tie('value')),
  ),
}));
const event = fc.record(
  {
    type: fc.constantFrom(...types.split(' ')).map((type) => `m.room.${type}`),
    event_id: fc.constant('$e:a.test'),
    room_id: fc.constant('!r:a.test'),
    sender: fc.constant('@a:a.test'),
    content: fc.dictionary(fc.oneof(fc.constantFrom(...contentKeys.split(' ')), text), value, { maxKeys: 8 }),
    hashes: fc.constant({ sha256: 'x' }),
    signatures: fc.constant({ 'a.test': {} }),
    depth: fc.nat(),
    origin_server_ts: fc.nat(),
    prev_events: fc.constant([]),
    auth_events: fc.constant([]),
    state_key: text,
    redacts: text,
    origin: text,
    membership: text,
    prev_state: value,
    'org.example': value,
    unsigned: fc.constant({ age: 1 }),
  },
  {
    requiredKeys: [
      'type',
      'event_id',
      'room_id',
      'sender',
      'content',
      'hashes',
      'signatures',
      'depth',
      'origin_server_ts',
      'prev_events',
      'auth_events',
    ],
  },
);

/** In room version 12 a create event has no room ID; since version 3 no event has its own. */
function asIn(version: string, { event_id, room_id, ...rest }: JsonObject): JsonObject {
  if (version === '12' && rest['type'] === 'm.room.create') return { ...rest, state_key: '' };
  return { ...rest, ...(Number(version) < 3 && { event_id }), room_id } as JsonObject;
}

test('Synapse writes, redacts and hashes events of all room versions as we do', ({ skip }) => {
  if (noSynapse) skip(noSynapse);
  const lines: [version: string, text: string][] = [];
  for (const sample of fc.sample(event, 500)) {
    for (const version of roomVersions.keys()) lines.push([version, writeJson(asIn(version, sample as JsonObject))]);
  }
  const input = lines.map((line) => JSON.stringify(line)).join('\n');
  const python = join(process.env['HEARTH_TEST_SYNAPSE'] ?? '', 'bin/python');
  const { stdout, stderr, status } = spawnSync(python, ['-c', program], { input, maxBuffer: 1e9, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const theirs = stdout.trimEnd().split('\n');
  expect(theirs).toHaveLength(lines.length);

  for (const [index, [version, sent]] of lines.entries()) {
    const rules = roomVersions.get(version);
    const { value: pdu } = parseJson(sent);
    if (rules === undefined || !isObject(pdu)) throw new Error(sent);
    const ours = {
      canonical: canonicalJson(pdu),
      redacted: canonicalJson(redact(pdu, rules)),
      contentHash: contentHash(pdu),
      referenceHash: referenceHash(pdu, rules),
    };
    expect(ours, `version ${version}: ${sent}`).toEqual(JSON.parse(theirs[index] ?? ''));
  }
});
