import type { Overview, TunnelStatus } from '../../shared/views.ts';
import { useTime } from '../clock.ts';
import { bytes, duration, plural, took } from '../format.ts';
import { useKnown } from '../known.tsx';
import type { Kind } from '../looks.ts';
import { Cut } from './id.tsx';
import { Tile } from './tile.tsx';
import { When } from './when.tsx';

const modes: Readonly<Record<Overview['federationMode'], string>> = {
  closed: 'no other server',
  allowlist: 'the servers on its list',
  open: 'any server',
};

export function OverviewTiles({ overview }: { readonly overview: Overview }) {
  const { signingKey, counts, eventLoop } = overview;
  const { rooms } = useKnown();
  const invites = rooms.data?.filter(({ membership }) => membership === 'invite').length ?? 0;
  return (
    <section className="box" aria-label="Parts of the server">
      <div className="tiles">
        <ServerTile overview={overview} />
        <ReachTile overview={overview} />
        <ListenTile listeners={overview.listeners} />
        <Tile
          icon="keys"
          title="Signing key"
          status={signingKey === undefined ? { kind: 'warn', word: 'none yet' } : { kind: 'ok', word: 'in use' }}
          value={
            signingKey === undefined ? (
              '—'
            ) : (
              <a className="mono" href="#/keys" title={signingKey.keyId}>
                <Cut text={signingKey.keyId} head={18} tail={4} />
              </a>
            )
          }
        >
          {signingKey !== undefined && (
            <>
              made <When ts={signingKey.createdAt} />
            </>
          )}
        </Tile>
        <StorageTile storage={overview.storage} />
        <Tile icon="rooms" title="Rooms" value={<a href="#/rooms">{plural(counts.rooms, 'room')}</a>}>
          {plural(counts.events, 'event')} on disk
          {invites > 0 && `, ${plural(invites, 'invitation')}`}
        </Tile>
        <Tile icon="peers" title="Peers" value={<a href="#/peers">{plural(counts.peers, 'server')}</a>}>
          that you share rooms with
        </Tile>
        <LoopTile eventLoop={eventLoop} />
      </div>
    </section>
  );
}

function ServerTile({ overview }: { readonly overview: Overview }) {
  const up = useTime((now) => duration(now - overview.startedAt));
  return (
    <Tile icon="server" title="Server" value={overview.serverName ?? 'no name yet'}>
      up {up} · {plural(overview.counts.users, 'account')}
    </Tile>
  );
}

const tunnelLooks: Readonly<Record<TunnelStatus['state'], Kind>> = {
  connected: 'ok',
  connecting: 'info',
  reconnecting: 'warn',
  failed: 'bad',
};

/** How others come to this server, and which of them may. */
function ReachTile({ overview }: { readonly overview: Overview }) {
  const { tunnel, listeners, federationMode } = overview;
  const federation = listeners.find(({ kind }) => kind === 'federation');
  const value = tunnel?.url ?? federation?.address ?? 'only from this computer';
  const status = tunnel === undefined ? undefined : { kind: tunnelLooks[tunnel.state], word: `tunnel ${tunnel.state}` };
  return (
    <Tile icon="globe" title="Reachability" status={status} value={value}>
      Federates with {modes[federationMode]}.{tunnel?.state === 'failed' && ` ${tunnel.why}`}
    </Tile>
  );
}

function ListenTile({ listeners }: { readonly listeners: Overview['listeners'] }) {
  return (
    <Tile icon="in" title="Listens on" value={plural(listeners.length, 'address', 'addresses')}>
      {listeners.map(({ kind, address }) => (
        <span key={kind} className="second">
          {kind}: <code>{address}</code>
        </span>
      ))}
    </Tile>
  );
}

function StorageTile({ storage }: { readonly storage: Overview['storage'] }) {
  const { hearthBytes, inspectorBytes, inspectorCapBytes } = storage;
  const share = Math.min(100, (100 * inspectorBytes) / Math.max(1, inspectorCapBytes));
  return (
    <Tile icon="disk" title="Storage" value={bytes(hearthBytes)}>
      the log: {bytes(inspectorBytes)} of {bytes(inspectorCapBytes)}
      <svg className="meter" aria-hidden="true">
        <rect width={`${share}%`} height="6" />
      </svg>
    </Tile>
  );
}

/** Above this, requests wait for one another: the server's own warning begins here, too. */
const slowLoop = 200;

function LoopTile({ eventLoop: { p99Ms, maxMs } }: { readonly eventLoop: Overview['eventLoop'] }) {
  const isSlow = p99Ms > slowLoop;
  return (
    <Tile
      icon="loop"
      title="Event loop"
      status={isSlow ? { kind: 'warn', word: 'slow' } : { kind: 'ok', word: 'ok' }}
      value={`p99 ${took(p99Ms)}`}
    >
      longest wait {took(maxMs)}
    </Tile>
  );
}
