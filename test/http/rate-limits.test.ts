import inject from 'light-my-request';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { createRateLimits, federationBounds, type RateLimits } from '../../main/http/rate-limits.ts';
import { type AnyRoute, type Authenticators, route } from '../../main/http/route.ts';
import { matrixApp } from '../../main/http/server.ts';
import type { ServerName, UserId } from '../../shared/ids.ts';
import { unauthorized } from '../../shared/matrix-error.ts';
import { type FakePlatform, fakePlatform } from '../support/fake-platform.ts';
import { memoryLog } from '../support/memory-log.ts';

const peer = 'peer.test' as ServerName;
const other = 'other.test' as ServerName;
const owner = '@owner:hearth.test' as UserId;
const guest = '@guest:hearth.test' as UserId;
const { burst, inFlight, perSecond, waitMs, patient } = federationBounds;

const limited = (retry_after_ms: unknown = expect.any(Number)) =>
  expect.objectContaining({ status: 429, errcode: 'M_LIMIT_EXCEEDED', fields: { retry_after_ms } });

function limitsOf() {
  const platform = fakePlatform();
  const limits = createRateLimits({ clock: platform.clock, owner: () => owner });
  const never = new AbortController().signal;
  const turn = (origin = peer, isPatient = false) => limits.turn(origin, { patient: isPatient, signal: never });
  return { platform, limits, turn };
}

/** Asks `number` times, each ending at once, while time goes by: how many had their turn, and how many were refused. */
async function ask(number: number, platform: FakePlatform, turn: () => Promise<() => void>) {
  const done = { served: 0, refused: 0 };
  const all = Promise.all(
    Array.from({ length: number }, () =>
      turn().then(
        (end) => {
          done.served++;
          end();
        },
        () => {
          done.refused++;
        },
      ),
    ),
  );
  await new Promise(setImmediate);
  const atOnce = { ...done };
  await platform.advance(60_000);
  await all;
  return { atOnce, done };
}

test('a burst is served at once, what comes on top of it at the pace of the rate', async () => {
  const { platform, turn } = limitsOf();
  const { atOnce, done } = await ask(burst + 20, platform, turn);
  expect(atOnce).toEqual({ served: burst, refused: 0 });
  expect(done).toEqual({ served: burst + 20, refused: 0 });
});

test('a server that goes on hurrying is refused, and told when to come back; others are not', async () => {
  const { platform, turn } = limitsOf();
  const { done } = await ask(1000, platform, turn);
  expect(done.refused).toBe(1000 - inFlight - federationBounds.waiting);
  await expect(turn()).resolves.toBeTypeOf('function'); // a minute later
  const hurry = Array.from({ length: 1000 }, () =>
    turn().then(
      (end) => end(),
      (error: unknown) => error,
    ),
  );
  await expect(turn()).rejects.toEqual(limited());
  await expect(turn(other)).resolves.toBeTypeOf('function');
  await platform.advance(60_000);
  expect((await Promise.all(hurry)).filter((result) => result instanceof Error).length).toBeGreaterThan(500);
});

test('who waits too long by the rate is told how long', async () => {
  const { platform, limits } = limitsOf();
  const signal = new AbortController();
  const turns: Promise<unknown>[] = [];
  // each gives up at once, so that none of them counts as waiting, but the rate has counted them
  for (let index = 0; index < burst + (waitMs / 1000) * perSecond + 1; index++) {
    const gone = new AbortController();
    turns.push(
      limits.turn(peer, { patient: false, signal: gone.signal }).then(
        (end) => end(),
        () => undefined,
      ),
    );
    gone.abort();
    await new Promise(setImmediate);
  }
  await Promise.all(turns);
  const tooLong = waitMs + 1000 / perSecond;
  await expect(limits.turn(peer, { patient: false, signal: signal.signal })).rejects.toEqual(limited(tooLong));
  const sent = limits.turn(peer, { patient: true, signal: signal.signal });
  await platform.advance(tooLong);
  await expect(sent).resolves.toBeTypeOf('function');
});

test('no more than so many are in flight; the next begins when one ends', async () => {
  const { turn } = limitsOf();
  const ends = await Promise.all(Array.from({ length: inFlight }, () => turn()));
  let begun = 0;
  const next = Array.from({ length: 2 }, () => turn().then(() => begun++));
  await new Promise(setImmediate);
  expect(begun).toBe(0);
  ends[0]?.();
  ends[0]?.(); // ends once
  await next[0];
  await new Promise(setImmediate);
  expect(begun).toBe(1);
  ends[1]?.();
  await next[1];
});

test('a moderate queue of transactions waits, a long one is refused; one that is given up leaves the queue', async () => {
  const { limits, turn } = limitsOf();
  const ends = await Promise.all(Array.from({ length: inFlight }, () => turn(peer, true)));
  const gone = new AbortController();
  const givenUp = limits.turn(peer, { patient: true, signal: gone.signal });
  const waiting = Array.from({ length: patient.waiting - 1 }, () => turn(peer, true));
  await expect(turn(peer, true)).rejects.toEqual(limited(1000));
  gone.abort();
  await expect(givenUp).rejects.toEqual(limited());
  waiting.push(turn(peer, true));
  for (const end of ends) end();
  for (const begun of waiting) (await begun)();
});

test('who proves nothing is counted by address, a network of IPv6 as one', async () => {
  const { platform, limits } = limitsOf();
  const ask = (address: string) => limits.arrive(address).end();
  for (let index = 0; index < 200; index++) ask('192.0.2.1');
  expect(() => ask('192.0.2.1')).toThrow(limited(20));
  ask('192.0.2.2');
  for (let index = 0; index < 200; index++) ask(`2001:db8::${index.toString(16)}`);
  expect(() => ask('2001:db8:0:0:1::1')).toThrow(limited());
  ask('2001:db8:0:1::1');
  await platform.advance(20);
  ask('192.0.2.1');
  const held = Array.from({ length: 100 }, () => limits.arrive('192.0.2.3'));
  expect(() => limits.arrive('192.0.2.3')).toThrow(limited());
  held[0]?.proven();
  held.push(limits.arrive('192.0.2.3'));
});

test('users are counted one by one, and the owner is not', () => {
  const { limits } = limitsOf();
  for (let index = 0; index < 500; index++) limits.user(guest);
  expect(() => limits.user(guest)).toThrow(limited(20));
  for (let index = 0; index < 2000; index++) limits.user(owner);
});

/** A route of another server behind the real HTTP layer, its header being its word. */
function appOf(limits: RateLimits, handle: () => Promise<Record<string, unknown>>) {
  const authenticate: Authenticators = {
    none: () => undefined,
    server: ({ headers }) => {
      const origin = headers['x-test-origin'];
      if (origin === undefined) throw unauthorized('no origin');
      return { origin: origin as ServerName };
    },
    client: () => ({ userId: guest, deviceId: 'D' }),
  };
  const one = (path: string, auth: 'server' | 'client' | 'none') =>
    route({ method: 'GET', path, auth, params: z.object({}), query: z.object({}), handle }) as AnyRoute;
  const routes = [one('/server', 'server'), one('/client', 'client'), one('/open', 'none')];
  const app = matrixApp({ routes, authenticate, log: memoryLog().log, limits, trustedProxies: ['127.0.0.0/8'] });
  return (url: string, headers: Record<string, string> = {}) => inject(app as never, { method: 'GET', url, headers });
}

test('over HTTP: 429 with retry_after_ms and Retry-After, and a turn ends with its reply', async () => {
  const { platform, limits } = limitsOf();
  let running = 0;
  let most = 0;
  const ask = appOf(limits, async () => {
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
    return {};
  });
  const from = { 'x-test-origin': peer };
  const all = Array.from({ length: burst + 250 }, () => ask('/server', from));
  while (running === 0) await new Promise(setImmediate);
  await platform.advance(10_000);
  const replies = await Promise.all(all);
  expect(most).toBe(inFlight);
  const refused = replies.filter(({ statusCode }) => statusCode !== 200);
  expect(refused.length).toBeGreaterThan(0);
  for (const { statusCode, payload, headers } of refused) {
    expect([statusCode, JSON.parse(payload)]).toMatchObject([429, { errcode: 'M_LIMIT_EXCEEDED' }]);
    expect(headers['retry-after']).toBe(String(Math.ceil(JSON.parse(payload).retry_after_ms / 1000)));
  }
  expect((await ask('/server', from)).statusCode).toBe(200);
});

test('over HTTP: requests without a good signature are counted by their address, which a trusted proxy tells', async () => {
  const { limits } = limitsOf();
  const ask = appOf(limits, async () => ({}));
  const from = { 'x-forwarded-for': '192.0.2.1' };
  for (let index = 0; index < 100; index++) {
    expect((await ask('/server', from)).statusCode).toBe(401);
    expect((await ask('/open', from)).statusCode).toBe(200);
  }
  expect((await ask('/open', from)).statusCode).toBe(429);
  expect((await ask('/server', from)).statusCode).toBe(429);
  expect((await ask('/open', { 'x-forwarded-for': '192.0.2.2' })).statusCode).toBe(200);
  for (let index = 0; index < 300; index++) await ask('/client', { 'x-forwarded-for': '192.0.2.3' });
  expect((await ask('/client', { 'x-forwarded-for': '192.0.2.3' })).statusCode).toBe(200); // they prove who they are
});
