import type { FlowSummary } from '../../../shared/flow.ts';
import type { ServerName } from '../../../shared/ids.ts';
import type { PeerDetail } from '../../../shared/views.ts';
import { Cut } from '../../components/id.tsx';
import { KeyStatus } from '../../components/key-status.tsx';
import { Clock, When } from '../../components/when.tsx';
import { count, plural, took } from '../../format.ts';
import { peerLooks } from '../../looks.ts';
import { hrefOf, logHref } from '../../route.ts';
import { Direction } from '../flow/columns.tsx';
import { FlowOutcome } from '../flow/flow-outcome.tsx';
import { FlowStatus } from '../flow/flow-status.tsx';
import { RoomName } from '../flow/room-name.tsx';

const mostQueued = 20;

/** What waits to be sent. */
export function PeerQueue({ peer }: { readonly peer: PeerDetail }) {
  const { queue, queuedPdus, queuedEdus } = peer;
  return (
    <section className="stack" aria-labelledby="queue">
      <div className="section-head">
        <h2 id="queue">Queue</h2>
        <span className="grow faint">
          {queuedPdus + queuedEdus === 0
            ? 'nothing waits'
            : `${plural(queuedPdus, 'PDU')}, ${plural(queuedEdus, 'EDU')}`}
        </span>
      </div>
      {queue.length > 0 && (
        <div className="box">
          <table>
            <thead>
              <tr>
                <th scope="col">Kind</th>
                <th scope="col">What</th>
                <th scope="col">Room</th>
                <th scope="col" className="num">
                  Waiting since
                </th>
              </tr>
            </thead>
            <tbody>
              {queue.slice(0, mostQueued).map((item, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: EDUs have no id, and rows hold no state
                <tr key={index}>
                  <td>{item.kind === 'pdu' ? 'PDU' : 'EDU'}</td>
                  <td className="mono">{item.what}</td>
                  <td>
                    <RoomName roomId={item.roomId} isLink />
                  </td>
                  <td className="num dim">
                    <When ts={item.queuedTs} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {queue.length > mostQueued && <p className="dim small">and {count(queue.length - mostQueued)} more</p>}
    </section>
  );
}

/** The keys that this server has shown, by itself or through a notary. */
export function PeerKeys({ keys }: { readonly keys: PeerDetail['keys'] }) {
  return (
    <section className="stack" aria-labelledby="keys">
      <h2 id="keys">Keys</h2>
      {keys.length === 0 ? (
        <p className="dim">Keys appear after first contact.</p>
      ) : (
        <div className="box">
          <table>
            <thead>
              <tr>
                <th scope="col">Key id</th>
                <th scope="col">Public key</th>
                <th scope="col">Usable until</th>
                <th scope="col" className="p3">
                  Source
                </th>
                <th scope="col">Status</th>
              </tr>
            </thead>
            <tbody>
              {keys.map((key) => (
                <tr key={key.keyId}>
                  <td className="mono">{key.keyId}</td>
                  <td className="mono" title={key.publicKey}>
                    <Cut text={key.publicKey} />
                  </td>
                  <td>
                    <When ts={key.usableUntilTs} />
                  </td>
                  <td className="p3 dim">{key.source}</td>
                  <td>
                    <KeyStatus of={key} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

/** When it changed from answering to not, and back. */
export function PeerTransitions({ transitions }: { readonly transitions: PeerDetail['transitions'] }) {
  if (transitions.length === 0) return null;
  return (
    <section className="stack" aria-labelledby="transitions">
      <h2 id="transitions">Changes</h2>
      <ol className="box">
        {transitions.map(({ ts, from, to, why }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two changes may fall into one millisecond
          <li key={index} className="stepline bare">
            <div>
              <b>
                {statusWord(from)} → {statusWord(to)}
              </b>
              <p>{why}</p>
            </div>
            <span className="small faint">
              <When ts={ts} />
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

const statusWord = (status: string) =>
  Object.hasOwn(peerLooks, status) ? peerLooks[status as keyof typeof peerLooks].word : status;

/** The last requests between the two. */
export function PeerRecent({ flows, server }: { readonly flows: readonly FlowSummary[]; readonly server: ServerName }) {
  return (
    <section className="stack" aria-labelledby="recent">
      <div className="section-head">
        <h2 id="recent" className="grow">
          Recent requests
        </h2>
        <a className="btn btn-quiet" href={logHref(`peer:${server}`)}>
          All
        </a>
      </div>
      {flows.length === 0 ? (
        <p className="dim">Nothing is recorded.</p>
      ) : (
        <div className="box">
          <table className="dense fixed recent">
            <thead>
              <tr>
                <th scope="col" className="c-time">
                  Time
                </th>
                <th scope="col" className="w-5">
                  Dir
                </th>
                <th scope="col">Endpoint</th>
                <th scope="col" className="c-status">
                  Status
                </th>
                <th scope="col" className="c-out">
                  Outcome
                </th>
                <th scope="col" className="w-6 num">
                  Took
                </th>
              </tr>
            </thead>
            <tbody>
              {flows.map((flow) => (
                <tr key={flow.id}>
                  <td className="mono faint">
                    <Clock ts={flow.startedAt} />
                  </td>
                  <td className="dim">
                    <Direction direction={flow.direction} />
                  </td>
                  <td title={flow.uri}>
                    <a href={hrefOf({ screen: 'log', flowId: flow.id, tab: 'summary', filter: `peer:${server}` })}>
                      <span className="method">{flow.method}</span> <span className="mono">{flow.endpoint}</span>
                    </a>
                  </td>
                  <td>
                    <FlowStatus flow={flow} />
                  </td>
                  <td title={flow.error?.message ?? flow.errcode}>
                    <FlowOutcome flow={flow} />
                  </td>
                  <td className="num">{flow.tookMs === undefined ? '—' : took(flow.tookMs)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
