import { setTimeout } from 'node:timers/promises';
import type { TestCa } from '../support/certificates.ts';
import { startHearth } from '../support/hearth.ts';
import { type MatrixClient, register } from '../support/matrix-client.ts';
import { type RawPeer, startRawPeer } from '../support/raw-peer.ts';
import { startSynapse } from '../support/synapse.ts';

/** A server under measurement, with a user and a peer of its own. */
export interface Bench {
  readonly name: 'Hearth' | 'Synapse';
  readonly serverName: string;
  readonly clientUrl: string;
  readonly user: MatrixClient;
  readonly peer: RawPeer;
  pid(): number;
  stop(): Promise<unknown>;
  start(): Promise<void>;
}

/** Both with their defaults, as far as tests on loopback let them be; Synapse on SQLite, as one person would run it. */
export async function startBench(name: Bench['name'], ca: TestCa, entry: string): Promise<Bench> {
  const server = name === 'Hearth' ? await startHearth(ca, { entry }) : await startSynapse(ca);
  const { serverName, clientUrl, pid, stop, start } = server;
  const user = await register(clientUrl, 'owner');
  return { name, serverName, clientUrl, user, peer: await startRawPeer(ca), pid, stop: () => stop(), start };
}

/** Resolves when the client API answers. */
export async function answers(url: string): Promise<void> {
  for (;;) {
    try {
      const reply = await fetch(`${url}/_matrix/client/versions`);
      await reply.arrayBuffer();
      if (reply.status === 200) return;
    } catch {
      // not yet
    }
    await setTimeout(5);
  }
}
