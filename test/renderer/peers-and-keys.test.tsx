import { expect, test } from 'vitest';
import { server } from '../support/sample-ids.ts';
import { samplePeer } from '../support/sample-peers.ts';
import { click, fill, find, press, show, text, texts } from './show.tsx';

const rows = () => texts('[role=grid] tbody tr:not(.spacer)');

test('peers that do not answer come first, and say why and when they are tried again', async () => {
  const { pass } = await show({ hash: '#/peers' });
  expect(rows()[0]).toMatch(/^birch\.examplebacking off4.*94 %20502 Bad Gateway39 min agoin 41 minSynapse/);
  await pass(60_000);
  expect(rows()[0]).toContain('in 40 min');
  await click('.seg button', 'Failing');
  expect(rows()).toHaveLength(2);
  await fill('[role=search] input', 'nxdomain');
  expect(rows()).toHaveLength(1);
});

test('without peers it says when there will be one', async () => {
  await show({ hash: '#/peers', handlers: { 'peers.list': () => [] } });
  expect(text()).toContain('You will see one as soon as you join a room');
});

test('a peer opened says how it stands, how it was found and what waits; r tries it again', async () => {
  const retried: unknown[] = [];
  await show({
    hash: '#/peers/birch.example',
    handlers: {
      'peer.retry': (name) => {
        retried.push(name);
        return null;
      },
    },
  });
  expect(texts('.verdict h2')).toEqual(['birch.example does not answer']);
  expect(texts('.stepline b')).toContain('.well-known');
  expect(text()).toContain('18 PDUs, 2 EDUs');
  await press('r');
  expect(retried).toEqual(['birch.example']);
  expect(find('.toast').textContent).toContain('Trying birch.example now');
});

test('a retry that is refused says so, and stays until closed', async () => {
  const handlers = {
    'peer.retry': () => {
      throw new Error('federation is closed');
    },
  };
  const { pass } = await show({ hash: '#/peers/birch.example', handlers });
  await click('button', 'Retry now');
  await pass(30_000);
  expect(find('.toast').textContent).toContain('federation is closed');
});

test('a peer that was never met is no blank page', async () => {
  await show({ hash: '#/peers/new.example' });
  expect(text()).toContain('Not met yet');
});

test('peers are shown as they are told, whatever is missing', async () => {
  const bare = samplePeer({
    server: server('bare.example'),
    latencyMs: undefined,
    software: undefined,
    success24h: undefined,
  });
  await show({ hash: '#/peers', handlers: { 'peers.list': () => [bare] } });
  expect(rows()[0]).toMatch(/^bare\.exampleok1/);
});

test('own keys, and those of others with how long they can be used', async () => {
  await show({ hash: '#/keys' });
  expect(text()).toContain('Lose these and juniper.example is lost');
  expect(texts('.keys-own tbody tr')).toHaveLength(2);
  expect(rows().find((row) => row.startsWith('osk.example'))).toContain('ends soon');
  await click('.seg button', 'Old');
  expect(rows()).toHaveLength(1);
  expect(rows()[0]).toContain('old-harbour.example');
});

test('an address that leads nowhere says so', async () => {
  await show({ hash: '#/nowhere' });
  expect(text()).toContain('There is nothing here');
});
