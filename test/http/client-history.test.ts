import { beforeAll, describe, expect, test } from 'vitest';
import { clientServer } from '../support/client-server.ts';
import { memoryNetwork } from '../support/memory-servers.ts';

type Server = Awaited<ReturnType<typeof clientServer>>;
type Client = Awaited<ReturnType<Server['signIn']>>;
type Event = { type: string; content: Record<string, unknown>; event_id: string; state_key?: string };

let server: Server;
let alice: Client;
let bob: Client;

beforeAll(async () => {
  server = await clientServer();
  alice = await server.signIn('alice');
  bob = await server.signIn('bob');
});

const part = encodeURIComponent;
const bodies = (events: Event[]) => events.map(({ content }) => content['body'] ?? '·');
const messagesOnly = part(JSON.stringify({ types: ['m.room.message'] }));

/** Pages until there is no `end`. */
async function scroll(client: Client, roomId: string, query: string, from = '') {
  const pages: Event[][] = [];
  let at = from;
  for (let i = 0; i < 50; i++) {
    const { chunk, start, end } = await client.room(roomId, `messages?${query}${at && `&from=${at}`}`);
    if (at !== '') expect(start).toBe(at);
    pages.push(chunk);
    if (end === undefined) return pages;
    at = end;
  }
  throw new Error('it goes on for ever');
}

async function roomWith(messages: number, wishes: object = {}) {
  const roomId = await alice.createRoom(wishes);
  const ids: string[] = [];
  for (let i = 1; i <= messages; i++) ids.push(await alice.send(roomId, `m${i}`));
  return { roomId, ids };
}

describe('GET /messages', () => {
  test('goes back to the creation of the room, and forward to the newest event, without gaps or repetitions', async () => {
    const { roomId } = await roomWith(12);
    const back = (await scroll(alice, roomId, 'dir=b&limit=4')).flat();
    expect(back[0]?.content['body']).toBe('m12');
    expect(back.at(-1)?.type).toBe('m.room.create');
    const forward = (await scroll(alice, roomId, 'dir=f&limit=5')).flat();
    expect(forward.map(({ event_id }) => event_id)).toEqual(back.map(({ event_id }) => event_id).reverse());
  });

  test('pages have as many events as asked for, filters or not', async () => {
    const { roomId } = await roomWith(7);
    await alice.setState(roomId, 'm.room.topic', { topic: 'x' });
    const pages = await scroll(alice, roomId, `dir=b&limit=3&filter=${messagesOnly}`);
    expect(pages.map(bodies).filter((page) => page.length > 0)).toEqual([
      ['m7', 'm6', 'm5'],
      ['m4', 'm3', 'm2'],
      ['m1'],
    ]);
  });

  test('goes on from tokens of sync, in both directions, and up to one', async () => {
    const { roomId } = await roomWith(6);
    const { next_batch, rooms } = await alice.sync(undefined, `&filter=${part('{"room":{"timeline":{"limit":2}}}')}`);
    const { prev_batch } = rooms.join[roomId].timeline;
    const filter = `&filter=${messagesOnly}`;
    const page = (query: string) => alice.room(roomId, `messages?${query}${filter}`);
    expect(bodies((await page(`dir=b&from=${prev_batch}&limit=2`)).chunk)).toEqual(['m4', 'm3']);
    expect(bodies((await page(`dir=f&from=${prev_batch}&limit=9`)).chunk)).toEqual(['m5', 'm6']);
    await alice.send(roomId, 'm7');
    expect(bodies((await page(`dir=f&from=${next_batch}`)).chunk)).toEqual(['m7']);
    expect(bodies((await page(`dir=b&from=${next_batch}&limit=2`)).chunk)).toEqual(['m6', 'm5']);
    expect(bodies((await page(`dir=b&to=${prev_batch}`)).chunk)).toEqual(['m7', 'm6', 'm5']);
  });

  test('tells nobody what was said before they came, where the room wants it so', async () => {
    const history = { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } };
    const { roomId } = await roomWith(3, { preset: 'public_chat', initial_state: [history] });
    await bob.get('POST', `/join/${part(roomId)}`, {});
    await alice.send(roomId, 'hello Bob');
    const seen = (await scroll(bob, roomId, 'dir=b&limit=50')).flat();
    expect(bodies(seen).filter((body) => body !== '·')).toEqual(['hello Bob']);
    await bob.act(roomId, 'leave');
    await alice.send(roomId, 'gone');
    const left = bodies((await scroll(bob, roomId, 'dir=b&limit=50')).flat());
    expect(left.filter((body) => body !== '·')).toEqual(['hello Bob']);
  });

  test.each([
    ['dir=x', 'M_INVALID_PARAM'],
    ['limit=5', 'M_MISSING_PARAM'],
    ['dir=b&from=t47429-4392820', 'M_INVALID_PARAM'],
    ['dir=b&filter=nonsense', 'M_INVALID_PARAM'],
    ['dir=b&filter=%7B%22types%22%3A1%7D', 'M_BAD_JSON'],
  ])('%s is refused with %s', async (query, errcode) => {
    const { roomId } = await roomWith(0);
    expect(await alice.ask('GET', `/rooms/${part(roomId)}/messages?${query}`)).toMatchObject({
      status: 400,
      body: { errcode },
    });
  });
});

describe('GET /context', () => {
  test('shows what is around an event, and where to go on', async () => {
    const { roomId, ids } = await roomWith(9);
    const context = await alice.room(roomId, `context/${part(ids[4] ?? '')}?limit=4`);
    expect(bodies([context.event])).toEqual(['m5']);
    expect(bodies(context.events_before)).toEqual(['m4', 'm3']);
    expect(bodies(context.events_after)).toEqual(['m6', 'm7']);
    expect(context.state.map(({ type }: Event) => type)).toContain('m.room.create');
    const before = await alice.room(roomId, `messages?dir=b&from=${context.start}&limit=1`);
    const after = await alice.room(roomId, `messages?dir=f&from=${context.end}&limit=1`);
    expect(bodies([...before.chunk, ...after.chunk])).toEqual(['m2', 'm8']);
  });

  test('with limit 0 there is the event alone', async () => {
    const { roomId, ids } = await roomWith(3);
    const context = await alice.room(roomId, `context/${part(ids[1] ?? '')}?limit=0`);
    expect([context.events_before, context.events_after]).toEqual([[], []]);
  });

  test('an event of another room, or that one may not see, is not found', async () => {
    const { ids } = await roomWith(1);
    const other = await alice.createRoom();
    for (const what of ['context', 'event']) {
      const path = `/rooms/${part(other)}/${what}/${part(ids[0] ?? '')}`;
      expect(await alice.ask('GET', path)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } });
    }
  });
});

test('members are told as they were at a token', async () => {
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  const { next_batch } = await alice.sync();
  await bob.get('POST', `/join/${part(roomId)}`, {});
  const users = async (query: string) =>
    (await alice.room(roomId, `members${query}`)).chunk.map(({ state_key }: Event) => state_key).sort();
  expect(await users('')).toEqual([alice.userId, bob.userId]);
  expect(await users(`?at=${next_batch}`)).toEqual([alice.userId]);
});

test('history that is not here is fetched from where it is', async () => {
  const network = memoryNetwork();
  const [here, there] = [await network.server('here.test'), await network.server('there.test')];
  const ours = await clientServer({ on: here });
  const dora = await ours.signIn('dora');
  const erin = there.user('erin');
  const roomId = await there.room(erin);
  for (let i = 1; i <= 30; i++) await there.send(roomId, erin, `m${i}`);
  await dora.get('POST', `/join/${part(roomId)}?via=there.test`, {});
  const seen = (await scroll(dora, roomId, 'dir=b&limit=10')).flat();
  const said = seen.filter(({ type }) => type === 'm.room.message');
  expect(bodies(said)).toEqual(Array.from({ length: 30 }, (_, index) => `m${30 - index}`));
  expect(seen.at(-1)?.type).toBe('m.room.create');
});
