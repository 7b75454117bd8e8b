#!/usr/bin/env node
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RoomId, ServerName, UserId } from '../shared/ids.ts';
import { type Homeserver, startHomeserver } from './homeserver.ts';
import { createLog } from './log.ts';
import type { MatrixServer } from './matrix-server.ts';
import { pageIn } from './page.ts';
import { type Platform, realPlatform } from './platform.ts';
import { createLocalCa, type LocalCa } from './reach/local-ca.ts';
import type { NewRoom } from './rooms/create-room.ts';
import { readConfig } from './settings.ts';

/** `npm run demo`: three whole homeservers in one process, federating over TLS on loopback, and people who talk. */

interface DemoServer {
  readonly homeserver: Homeserver;
  readonly matrix: MatrixServer;
}

/** A person of the demo: an account, and the server that it is on. */
interface Person {
  readonly userId: UserId;
  readonly matrix: MatrixServer;
}

const clock = realPlatform({ verifyTls: true, extraCa: [] }).clock;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-demo-'));
  const ca = await createLocalCa(clock.now());
  const platform = realPlatform({ verifyTls: true, extraCa: [ca.cert] });
  const servers: DemoServer[] = [];
  const stopped = new AbortController();
  const end = async () => {
    stopped.abort();
    for (const { homeserver } of servers.reverse()) await homeserver.close();
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void end().then(() => process.exit(0)));
  }
  try {
    for (const port of [18_441, 18_442, 18_443])
      servers.push(await start(join(folder, String(port)), port, ca, platform));
    const [first] = servers;
    process.stdout.write(
      `Three homeservers are federating: ${servers.map(({ matrix }) => matrix.serverName).join(', ')}\n` +
        `Open the console of the first:\n\n    ${first?.homeserver.consoleUrl}\n\n` +
        `A client can sign in at ${clientUrl(first)} as "mika", password "demo". Ctrl+C ends it all.\n`,
    );
    await live(
      servers.map(({ matrix }) => matrix),
      platform,
      stopped.signal,
    );
  } catch (error) {
    if (!stopped.signal.aborted) {
      process.stderr.write(`hearth: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exitCode = 1;
      await end();
    }
  }
}

const clientUrl = (server: DemoServer | undefined) =>
  server?.matrix.listeners.find(({ kind }) => kind === 'client')?.address;

/** At the given port, or any free one where that is taken. Its name is its address: that needs no DNS. */
async function start(folder: string, port: number, ca: LocalCa, platform: Platform): Promise<DemoServer> {
  const { cert, key } = await ca.issue('127.0.0.1');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const argv = [
    ...['--server-name', `127.0.0.1:${port}`, '--federation-listen', `127.0.0.1:${port}`],
    ...['--client-listen', '127.0.0.1:0', '--console-listen', '127.0.0.1:0', '--data-dir', folder],
    ...['--tls-cert', file('tls.crt', cert), '--tls-key', file('tls.key', key)],
    ...['--allow-address-range', '127.0.0.0/8', '--log-level', 'error'],
  ];
  const homeserver = await startHomeserver({
    config: readConfig({ argv, env: {}, defaultDataDir: folder }),
    platform,
    log: createLog({ level: 'error', clock, write: (line) => void process.stderr.write(line) }),
    page: pageIn(join(__dirname, '../renderer')),
    wasm: join(__dirname, 'sql-wasm.wasm'),
  });
  const matrix = homeserver.matrix();
  if (matrix === undefined) throw new Error('a demo server has no name');
  return { homeserver, matrix };
}

const people = [
  ['mika', 'ines', 'juno'],
  ['rook', 'pia'],
  ['osk', 'lumen'],
] as const;
const rooms = ['Tidepool field notes', 'Choir logistics', 'Kitchen repairs'];
const words = [
  'The tide was out further than I have ever seen it.',
  'Rehearsal moves to Thursday, same place.',
  'Has anyone got the long ladder?',
  'I left the key with Pia.',
  'Two anemones, one of them green.',
  'Can we do the second verse slower?',
  'The tap drips again.',
  'On my way.',
  'Photos follow tonight.',
  'Who brings coffee?',
];

const publicRoom = (creator: UserId, name: string): NewRoom => ({
  creator,
  name,
  topic: undefined,
  preset: 'public_chat',
  version: undefined,
  aliasLocalpart: name.toLowerCase().replaceAll(' ', '-'),
  isDirect: false,
  published: true,
  invite: [],
  creationContent: {},
  powerLevelOverride: {},
  initialState: [],
});

/** People come into rooms of each other's servers and talk, until the demo ends. */
async function live(servers: readonly MatrixServer[], platform: Platform, signal: AbortSignal): Promise<void> {
  const everybody = (
    await Promise.all(
      servers.map(async (matrix, index) => {
        const { accounts } = matrix.services.accounts;
        const names = people[index] ?? [];
        const made: Person[] = [];
        for (const localpart of names)
          made.push({ userId: await accounts.create({ localpart, password: 'demo' }), matrix });
        return made;
      }),
    )
  ).flat();
  const places: { readonly roomId: RoomId; readonly in: readonly Person[] }[] = [];
  for (const [index, name] of rooms.entries()) {
    const host = everybody[index * 2];
    if (host === undefined) continue;
    const roomId = await host.matrix.services.createRoom(publicRoom(host.userId, name));
    const guests = everybody.filter((person, seat) => person !== host && (seat + index) % 3 !== 0);
    const via: readonly ServerName[] = [host.matrix.serverName];
    for (const guest of guests) {
      if (signal.aborted) return;
      await guest.matrix.services.membership.join({ userId: guest.userId, room: roomId, via });
    }
    places.push({ roomId, in: [host, ...guests] });
  }
  const pick = <T>(of: readonly T[]): T => of[(platform.random.bytes(1)[0] ?? 0) % of.length] as T;
  while (!signal.aborted) {
    const place = pick(places);
    const speaker = pick(place.in);
    const content = { msgtype: 'm.text', body: pick(words) };
    await speaker.matrix.services.rooms.append(place.roomId, [
      { type: 'm.room.message', sender: speaker.userId, content },
    ]);
    await platform.clock.sleep(400 + (platform.random.bytes(1)[0] ?? 0) * 8, signal).catch(() => undefined);
  }
}

void main();
