import { useMemo, useState } from 'react';
import type { Keys, OwnKeyStatus, RemoteKeyStatus } from '../../shared/views.ts';
import { useTime } from '../clock.ts';
import { Choice } from '../components/choice.tsx';
import type { Column } from '../components/column.ts';
import { Empty } from '../components/empty.tsx';
import { Grid } from '../components/grid.tsx';
import { Cut, Id } from '../components/id.tsx';
import { KeyStatus, standingOf } from '../components/key-status.tsx';
import { ListFilter } from '../components/list-filter.tsx';
import { Loading } from '../components/loading.tsx';
import { Screen } from '../components/screen.tsx';
import { Status } from '../components/status.tsx';
import { When } from '../components/when.tsx';
import { count, plural } from '../format.ts';
import { useKnown } from '../known.tsx';
import { go, peerHref } from '../route.ts';
import { askAgain, useLive } from '../use-live.ts';

/** The keys that this server signs with, and those by which it believes others. */
export function KeysPanel() {
  const keys = useLive({ call: 'keys.get', args: [], event: 'keys.changed', apply: () => askAgain });
  return (
    <Screen
      title="Keys"
      foot={keys.data && <Foot keys={keys.data} />}
      keys={[
        ['j k', 'move'],
        ['/', 'filter'],
      ]}
      flush
    >
      <div className="keys-frame">
        <Loading of={keys} what="The keys">
          {(data) => (
            <>
              <OwnKeys own={data.own} />
              <RemoteKeys remote={data.remote} />
            </>
          )}
        </Loading>
      </div>
    </Screen>
  );
}

function OwnKeys({ own }: { readonly own: readonly OwnKeyStatus[] }) {
  const { overview } = useKnown();
  return (
    <section className="stack keys-own" aria-labelledby="own">
      <div className="section-head">
        <h2 id="own">This server</h2>
        <span className="grow">
          Lose these and <b>{overview.data?.serverName}</b> is lost: others will not believe a new key in old rooms.
        </span>
      </div>
      <div className="box">
        <table>
          <thead>
            <tr>
              <th scope="col">Key id</th>
              <th scope="col">Public key</th>
              <th scope="col">Status</th>
              <th scope="col">Created</th>
              <th scope="col" className="p2">
                Valid until
              </th>
              <th scope="col">Kept in</th>
            </tr>
          </thead>
          <tbody>
            {own.map((key) => (
              <tr key={key.keyId}>
                <td>
                  <Id value={key.keyId} head={24} tail={4} />
                </td>
                <td>
                  <Id value={key.publicKey} head={10} tail={6} />
                </td>
                <td>
                  {key.expiredTs === undefined ? (
                    <Status kind="ok">signs, published</Status>
                  ) : (
                    <Status kind="mute" glyph="info">
                      old, published for old events
                    </Status>
                  )}
                </td>
                <td>
                  <When ts={key.createdAt} />
                </td>
                <td className="p2 dim">
                  <When ts={key.validUntilTs ?? key.expiredTs} />
                </td>
                <td className="dim wraps">{key.storedIn}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const columns: readonly Column<RemoteKeyStatus>[] = [
  {
    id: 'server',
    title: 'Server',
    className: 'w-10',
    cell: ({ server }) => (
      <a href={peerHref(server)} tabIndex={-1}>
        {server}
      </a>
    ),
    sortBy: ({ server }) => server,
    hint: ({ server }) => server,
  },
  {
    id: 'key',
    title: 'Key id',
    className: 'w-9',
    look: 'mono',
    cell: ({ keyId }) => keyId,
    sortBy: ({ keyId }) => keyId,
    hint: ({ keyId }) => keyId,
  },
  {
    id: 'public',
    title: 'Public key',
    className: 'w-9 p2',
    look: 'mono dim',
    cell: ({ publicKey }) => <Cut text={publicKey} />,
    hint: ({ publicKey }) => publicKey,
  },
  {
    id: 'usable',
    title: 'Usable until',
    className: 'w-8',
    cell: ({ usableUntilTs, expiredTs }) => <When ts={expiredTs ?? usableUntilTs} />,
    sortBy: ({ usableUntilTs, expiredTs }) => expiredTs ?? usableUntilTs,
  },
  {
    id: 'valid',
    title: 'As it claims',
    className: 'w-8 p3',
    look: 'dim',
    cell: ({ validUntilTs }) => <When ts={validUntilTs} />,
    sortBy: ({ validUntilTs }) => validUntilTs,
  },
  {
    id: 'fetched',
    title: 'Fetched',
    className: 'w-7 p1',
    look: 'dim',
    cell: ({ fetchedTs }) => <When ts={fetchedTs} />,
    sortBy: ({ fetchedTs }) => fetchedTs,
  },
  {
    id: 'source',
    title: 'Source',
    look: 'dim',
    cell: ({ source }) => (source === 'direct' ? 'direct' : `notary ${source}`),
    sortBy: ({ source }) => source,
  },
  {
    id: 'status',
    title: 'Status',
    className: 'w-9',
    cell: (key) => <KeyStatus of={key} />,
    sortBy: ({ expiredTs }) => Number(expiredTs !== undefined),
  },
];

const keyOf = ({ server, keyId }: RemoteKeyStatus) => `${server} ${keyId}`;

function RemoteKeys({ remote }: { readonly remote: readonly RemoteKeyStatus[] }) {
  const [text, setText] = useState('');
  const [view, setView] = useState<'all' | 'ending' | 'old'>('all');
  const minute = useTime((now) => Math.floor(now / 60_000) * 60_000);
  const shown = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const isOfView = (key: RemoteKeyStatus) => {
      const standing = standingOf(key, minute);
      return view === 'all' || (view === 'old' ? standing === 'old' : standing === 'soon' || standing === 'past');
    };
    return remote.filter((key) => isOfView(key) && keyOf(key).toLowerCase().includes(wanted));
  }, [remote, text, view, minute]);
  return (
    <section className="frame-2" aria-label="Keys of other servers">
      <ListFilter label="Filter by server or key id" value={text} onChange={setText}>
        <Choice
          label="Views"
          value={view}
          onChoose={setView}
          options={[
            { value: 'all', title: `All ${count(remote.length)}` },
            { value: 'ending', title: 'Ending' },
            { value: 'old', title: 'Old' },
          ]}
        />
      </ListFilter>
      {remote.length === 0 ? (
        <Empty icon="keys" title="No keys of others yet">
          Keys appear after first contact with another server.
        </Empty>
      ) : (
        <div className="log-wrap">
          <Grid
            label="Keys of other servers"
            columns={columns}
            rows={shown}
            keyOf={keyOf}
            onOpen={({ server }) => go({ screen: 'peer', server })}
            initialSort={{ column: 'server', descending: false }}
          />
        </div>
      )}
    </section>
  );
}

function Foot({ keys }: { readonly keys: Keys }) {
  const servers = new Set(keys.remote.map(({ server }) => server)).size;
  return (
    <span>
      {plural(keys.remote.length, 'key')} of {plural(servers, 'other server')}
    </span>
  );
}
