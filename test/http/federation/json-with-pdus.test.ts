import { expect, test } from 'vitest';
import { jsonReply, jsonReplyV1, jsonWithPdus } from '../../../main/http/federation/json-with-pdus.ts';
import { type JsonObject, RawNumber } from '../../../main/protocol/json.ts';

const text = async (...given: Parameters<typeof jsonWithPdus>) => (await jsonWithPdus(...given)).toString();

test.each<[lists: Record<string, readonly (readonly JsonObject[])[]>, rest: JsonObject, json: string]>([
  [{}, {}, '{}'],
  [{}, { a: 1 }, '{"a":1}'],
  [{ x: [] }, {}, '{"x":[]}'],
  [{ x: [[]], y: [[], []] }, {}, '{"x":[],"y":[]}'],
  [{ x: [[{ a: 1 }]] }, { b: 2 }, '{"b":2,"x":[{"a":1}]}'],
  [{ x: [[{ a: 1 }, { a: 2 }], [], [{ a: 3 }]], y: [[{}]] }, {}, '{"x":[{"a":1},{"a":2},{"a":3}],"y":[{}]}'],
  [{ x: [[{ a: new RawNumber('1.0') }]] }, {}, '{"x":[{"a":1.0}]}'], // which is what its hash covers
])('%j and %j', async (lists, rest, json) => {
  expect(await text(lists, rest)).toBe(json);
});

test('the loop has its turn between the batches', async () => {
  let turns = 0;
  const tick = () => {
    turns++;
    if (turns < 100) setImmediate(tick);
  };
  setImmediate(tick);
  await text({ x: Array.from({ length: 20 }, () => [{}]) });
  expect(turns).toBeGreaterThanOrEqual(19);
});

test('version 1 answers a pair', () => {
  const json = Buffer.from('{"a":1}');
  expect(JSON.parse(Buffer.from(jsonReplyV1(json).body).toString())).toEqual([200, { a: 1 }]);
  expect(jsonReply(json)).toMatchObject({ status: 200, headers: { 'Content-Type': 'application/json' } });
});
