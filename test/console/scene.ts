import { join } from 'node:path';
import { buildApp } from '../support/app-build.ts';
import { createTestCa } from '../support/certificates.ts';
import { type Hearth, startHearth } from '../support/hearth.ts';
import { type MatrixClient, register, until } from '../support/matrix-client.ts';
import { freePorts } from '../support/processes.ts';
import { type RawPeer, type RawRoom, startRawPeer } from '../support/raw-peer.ts';
import { type Synapse, startSynapse } from '../support/synapse.ts';

/** A Hearth with a page, that has met a real Synapse and a server that does not behave. */
export interface Scene {
  readonly synapse: Synapse;
  readonly hearth: Hearth;
  readonly raw: RawPeer;
  readonly sylvia: MatrixClient; // at Synapse
  readonly harold: MatrixClient; // here
  /** Made at Synapse; harold joined by its alias, and both have talked. */
  readonly tidepool: string;
  /** Made at Synapse; harold is invited, no more. */
  readonly orchard: string;
  /** Made by the raw peer; harold joined. */
  readonly workshop: RawRoom;
  /** Mallory of the raw peer wanted to set the topic. */
  readonly rejected: string;
  /** Mallory wrote after being banned, on top of an older event. */
  readonly softFailed: string;
  readonly powerLevels: string; // the event that decided against the topic
}

export const tidepoolName = 'Tidepool field notes';

export async function startScene(): Promise<Scene> {
  const ca = await createTestCa();
  const [consolePort = 0] = await freePorts(1);
  const app = await buildApp();
  const [synapse, raw, hearth] = await Promise.all([
    startSynapse(ca),
    startRawPeer(ca),
    startHearth(ca, {
      entry: join(app, 'main/headless.cjs'),
      settings: ['--console-listen', `127.0.0.1:${consolePort}`],
    }),
  ]);
  const [sylvia, harold] = await Promise.all([
    register(synapse.clientUrl, 'sylvia'),
    register(hearth.clientUrl, 'harold'),
  ]);
  const rooms = await talk(synapse, sylvia, harold);
  return { synapse, hearth, raw, sylvia, harold, ...rooms, ...(await misbehave(raw, hearth, harold)) };
}

/** Joined by alias, messages both ways, and an invite. */
async function talk({ serverName }: Synapse, sylvia: MatrixClient, harold: MatrixClient) {
  const tidepool = await sylvia.createRoom({
    preset: 'public_chat',
    room_alias_name: 'tidepool',
    name: tidepoolName,
    topic: 'What the ebb leaves behind',
  });
  await sylvia.send(tidepool, 'Low tide is at seven.');
  await harold.join(`#tidepool:${serverName}`);
  await harold.send(tidepool, 'I bring the buckets.');
  await sylvia.send(tidepool, 'And I the tea.');
  const orchard = await sylvia.createRoom({ preset: 'private_chat', name: 'Orchard' });
  await sylvia.invite(orchard, harold.userId);
  await arrives(sylvia, tidepool, 'I bring the buckets.');
  await arrives(harold, tidepool, 'And I the tea.');
  await until(
    () => harold.invites(),
    (rooms) => rooms.includes(orchard),
    { what: 'the invite arrives' },
  );
  return { tidepool, orchard };
}

export const arrives = (reader: MatrixClient, roomId: string, body: string) =>
  until(
    () => reader.bodies(roomId),
    (bodies) => bodies.includes(body),
    { what: `${reader.userId} reads "${body}"` },
  );

/** One event that the auth rules reject, one that only the current state forbids, and a request for nothing that is there. */
async function misbehave(raw: RawPeer, hearth: Hearth, harold: MatrixClient) {
  const workshop = raw.createRoom('11');
  const mallory = `@mallory:${raw.serverName}`;
  const asMallory = { sender: mallory };
  workshop.event('m.room.name', { name: 'Workshop' }, { state_key: '' });
  workshop.event('m.room.member', { membership: 'join' }, { ...asMallory, state_key: mallory });
  await harold.join(workshop.roomId, raw.serverName);

  const hello = workshop.message('The lathe is free.');
  const topic = workshop.event('m.room.topic', { topic: 'mine' }, { ...asMallory, state_key: '' }, { aside: true });
  await raw.send(hearth.serverName, [hello, topic]);

  const late = workshop.event('m.room.message', { msgtype: 'm.text', body: 'still here' }, asMallory, { aside: true });
  const cited = workshop.cite(...workshop.auth(), workshop.idOf(workshop.stateEvent('m.room.member', mallory)));
  const ban = workshop.event(
    'm.room.member',
    { membership: 'ban', reason: 'noise' },
    { state_key: mallory, auth_events: cited },
  );
  await raw.send(hearth.serverName, [ban]);
  await raw.send(hearth.serverName, [late]);
  await raw.ask(hearth.serverName, 'GET', '/_matrix/federation/v1/nonsense');
  return {
    workshop,
    rejected: workshop.idOf(topic),
    softFailed: workshop.idOf(late),
    powerLevels: workshop.idOf(workshop.stateEvent('m.room.power_levels')),
  };
}
