import { expect, test } from 'vitest';
import { answer, inboundSend, outbound, outcome, runningInspector } from '../support/running-inspector.ts';

const pause = () => new Promise(setImmediate);

test('what a request causes, however deep and late, belongs to its trace', async () => {
  const { inspector } = await runningInspector();
  const send = inspector.open(inboundSend);
  const other = inspector.open(inboundSend);
  const [missing, keys] = await inspector.within(send, async () => {
    await pause();
    const asked = inspector.open(outbound('get_missing_events', 'b.test'));
    const fetched = await inspector.within(asked, async () => {
      await pause();
      return inspector.open(outbound('key/v2/server', 'c.test'));
    });
    inspector.pdus([outcome({ source: 'missing' })]);
    return [asked, fetched] as const;
  });
  for (const flow of [keys, missing, send, other]) answer(flow);

  const found = await inspector.log.get(send.id);
  expect(found?.related.map(({ id, parentId, traceId }) => [id, parentId, traceId])).toEqual([
    [missing.id, send.id, send.id],
    [keys.id, missing.id, send.id],
  ]);
  expect((await inspector.log.get(keys.id))?.related.map(({ id }) => id)).toEqual([send.id, missing.id]);
  expect((await inspector.log.get(other.id))?.related).toEqual([]);
  // what came otherwise than in its body is listed under it, but not counted as its own
  expect(found?.pdus.map(({ source }) => source)).toEqual(['missing']);
  expect(found?.outcomes).toEqual({});
});

test('a trace may have no first cause, and a loop may step out of one', async () => {
  const { inspector } = await runningInspector();
  const joined = inspector.trace(() => {
    const make = inspector.open(outbound('make_join', 'b.test'));
    return [make, inspector.open(outbound('send_join', 'b.test'))];
  });
  expect(joined.map(({ traceId }) => traceId)).toEqual([joined[0]?.id, joined[0]?.id]);
  const send = inspector.open(inboundSend);
  const [apart, inside] = inspector.within(send, () => [
    inspector.apart(() => inspector.open(outbound('send', 'c.test'))),
    inspector.trace(() => inspector.open(outbound('event', 'c.test'))),
  ]);
  expect(apart?.traceId).toBe(apart?.id);
  expect(inside?.traceId).toBe(send.id);
  expect(inspector.current()).toBeUndefined();
});

test('ten minutes after its end a flow causes nothing more', async () => {
  const { inspector, platform } = await runningInspector();
  const send = inspector.open(inboundSend);
  await inspector.within(send, async () => {
    answer(send);
    await platform.advance(599_000);
    expect(inspector.open(outbound('send', 'b.test')).traceId).toBe(send.traceId);
    await platform.advance(1_000);
    expect(inspector.current()).toBeUndefined();
    const late = inspector.open(outbound('send', 'b.test'));
    expect(late.traceId).toBe(late.id);
  });
});
