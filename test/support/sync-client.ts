import type { MatrixClient } from './matrix-client.ts';
import { until } from './matrix-client.ts';

interface Told {
  readonly type: string;
  readonly sender?: string;
  readonly content: Record<string, unknown>;
}

interface SyncReply {
  readonly next_batch: string;
  readonly rooms?: { readonly join?: Record<string, { readonly ephemeral?: { readonly events: readonly Told[] } }> };
  readonly to_device?: { readonly events: readonly Told[] };
  readonly presence?: { readonly events: readonly Told[] };
  readonly device_lists?: { readonly changed?: readonly string[]; readonly left?: readonly string[] };
}

/** All that a client was told since it began to listen, besides events of rooms. */
export interface Ear {
  readonly typing: (roomId: string) => readonly string[];
  readonly heard: {
    readonly receipts: Record<string, unknown>[];
    readonly toDevice: Told[];
    readonly presence: Told[];
    readonly changed: string[];
    readonly left: string[];
  };
  /** Syncs until it is as it should be. */
  until(isRight: () => boolean, what: string): Promise<void>;
}

/** Begins to listen: what was before is not told. */
export async function listen(client: MatrixClient): Promise<Ear> {
  const sync = (since?: string) =>
    client.request<SyncReply>('GET', `/sync?timeout=${since ? 500 : 0}${since ? `&since=${since}` : ''}`);
  let since = (await sync()).next_batch;
  const typing = new Map<string, readonly string[]>();
  const heard: Ear['heard'] = { receipts: [], toDevice: [], presence: [], changed: [], left: [] };
  const listenOnce = async () => {
    const reply = await sync(since);
    since = reply.next_batch;
    for (const [roomId, { ephemeral }] of Object.entries(reply.rooms?.join ?? {})) {
      for (const { type, content } of ephemeral?.events ?? []) {
        if (type === 'm.typing') typing.set(roomId, content['user_ids'] as string[]);
        else if (type === 'm.receipt') heard.receipts.push(content);
      }
    }
    heard.toDevice.push(...(reply.to_device?.events ?? []));
    heard.presence.push(...(reply.presence?.events ?? []));
    heard.changed.push(...(reply.device_lists?.changed ?? []));
    heard.left.push(...(reply.device_lists?.left ?? []));
  };
  return {
    typing: (roomId) => typing.get(roomId) ?? [],
    heard,
    until: async (isRight, what) => {
      const told = () => JSON.stringify({ typing: [...typing], heard }).slice(0, 1500);
      await until(
        async () => {
          await listenOnce();
          return isRight() ? 'yes' : told();
        },
        (answer) => answer === 'yes',
        { what, timeoutMs: 30_000 },
      );
    },
  };
}
