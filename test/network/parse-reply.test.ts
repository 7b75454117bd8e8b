import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseReply } from '../../main/network/parse-reply.ts';
import { writeJson } from '../../main/protocol/canonical-json.ts';
import { type JsonValue, parseJson } from '../../main/protocol/json.ts';

const inPieces = (text: string) => parseReply(Buffer.from(text), 0);

/** What `parseJson` makes of it, or nothing. */
function whole(text: string) {
  try {
    return parseJson(Buffer.from(text));
  } catch {
    return undefined;
  }
}

async function expectSame(text: string) {
  const [pieces, all] = [await inPieces(text), whole(text)];
  expect(pieces === undefined).toBe(all === undefined);
  if (pieces === undefined || all === undefined) return;
  expect(writeJson(pieces.value)).toBe(writeJson(all.value));
  expect(pieces.violations).toEqual(all.violations);
}

test.each([
  '{}',
  ' \n{\t} ',
  '{"a":[]}',
  '{"a":[1,"x",null,true,false,{},[],1.5,-0,1e3]}',
  '{"a" : [ 1 , 2 ] , "b" : { "c" : [ 1.0 ] } , "d":"\\"]}," }',
  '{"a":["\\\\","\\"",",","]"]}',
  '{"a":[{"x":1.5,"x":2}],"a":[-0]}',
  '{"__proto__":[1],"constructor":{"a":1}}',
  '{"日本":["😀\\ud800"],"\\ud800":1}',
  '[1,2]',
  '"x"',
  '7',
  ...['', '{', '}', '{"a"}', '{"a":}', '{"a":[}', '{"a":[1}', '{"a":[1,]}', '{"a":[,1]}', '{"a":[1 2]}', '{"a":1,}'],
  ...['{"a":1}x', '{"a":1}{}', '{a:1}', '{"a":[1]]}', '{"a":[{]}]}', '{"a":tru}', '{"a":"x', '{"a":"x\\', '{,"a":1}'],
  ...['{"a":[01]}', '{"a" 1}', '{1:2}', '{"a":["\n"]}', '{"a":[1],,"b":2}', '{"a":[]x}', '\ufeff{}'],
])('in pieces as a whole: %j', expectSame);

test('whatever it is', async () => {
  await fc.assert(fc.asyncProperty(fc.json({ maxDepth: 4 }), expectSame));
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.array(fc.jsonValue())), (object) =>
      expectSame(JSON.stringify(object, null, 1)),
    ),
  );
  const breakSomewhere = fc.tuple(fc.json(), fc.nat(), fc.constantFrom('', '"', '[', '}', ',', '\\', '\u0000'));
  await fc.assert(
    fc.asyncProperty(breakSomewhere, ([json, at, what]) => {
      const cut = at % (json.length + 1);
      return expectSame(`{"a":[${json.slice(0, cut)}${what}${json.slice(cut + 1)}]}`);
    }),
  );
});

test('depth counts from the outside, and bad UTF-8 is refused', async () => {
  const nested = (depth: number) => `{"a":[${'['.repeat(depth)}${']'.repeat(depth)}]}`;
  await expectSame(nested(98));
  await expectSame(nested(99));
  expect(await inPieces(nested(98))).toBeDefined();
  expect(await inPieces(nested(99))).toBeUndefined();
  expect(await parseReply(Buffer.from([...Buffer.from('{"a":["'), 0xff, ...Buffer.from('"]}')]), 0)).toBeUndefined();
});

test('a flood of violations is refused', async () => {
  expect(await inPieces(`{"a":[${'1.0,'.repeat(200_000)}1]}`)).toBeUndefined();
});

test('a large reply leaves others their turns', async () => {
  const pdu: JsonValue = { type: 'm.room.member', content: { membership: 'join', displayname: 'x'.repeat(500) } };
  const state = Array.from({ length: 20_000 }, () => pdu);
  const body = Buffer.from(JSON.stringify({ auth_chain: state.slice(0, 10), state }));
  let turns = 0;
  let running = true;
  const others = (async () => {
    for (; running; turns++) await new Promise(setImmediate);
  })();
  const parsed = await parseReply(body);
  running = false;
  await others;
  expect(writeJson(parsed?.value ?? null)).toBe(String(body));
  expect(turns).toBeGreaterThan(40); // of 256 KiB each
});
