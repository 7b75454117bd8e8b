import type { PeerDetail } from '../../../shared/views.ts';
import { Facts } from '../../components/facts.tsx';
import { When } from '../../components/when.tsx';
import { count, percent, plural, took } from '../../format.ts';
import { roomHref } from '../../route.ts';

/** When it is tried again, and what ends the wait. */
export function PeerBackoff({ peer }: { readonly peer: PeerDetail }) {
  if (peer.failures === 0 && peer.retryAt === undefined) return null;
  return (
    <section className="stack" aria-labelledby="backoff">
      <h2 id="backoff">Backoff</h2>
      <div className="box pad">
        <Facts
          of={{
            'Next try': peer.retryAt === undefined ? undefined : <Moment ts={peer.retryAt} />,
            'Failing since': peer.failingSince === undefined ? undefined : <Moment ts={peer.failingSince} />,
            Failures: plural(peer.failures, 'in a row', 'in a row'),
            'Last error': peer.lastError,
            'Ends early when': `${peer.server} sends us anything signed, or you retry`,
          }}
        />
      </div>
    </section>
  );
}

function Moment({ ts }: { readonly ts: number }) {
  return (
    <>
      <When ts={ts} />{' '}
      <span className="faint">
        <When ts={ts} form="clock" />
      </span>
    </>
  );
}

/** What the two servers have in common. */
export function PeerTogether({ peer }: { readonly peer: PeerDetail }) {
  const rooms = peer.rooms.slice(0, 12);
  return (
    <section className="stack" aria-labelledby="together">
      <h2 id="together">Together</h2>
      <div className="box pad">
        <Facts
          of={{
            Rooms: (
              <ul className="stack gap-2">
                {rooms.map(({ roomId, name }) => (
                  <li key={roomId} className="clip">
                    <a href={roomHref(roomId)}>{name ?? roomId}</a>
                  </li>
                ))}
                {peer.rooms.length > rooms.length && (
                  <li className="dim">{count(peer.rooms.length - rooms.length)} more</li>
                )}
                {peer.rooms.length === 0 && <li className="dim">none</li>}
              </ul>
            ),
            'Last in': <When ts={peer.lastInboundTs} />,
            'Last out': <When ts={peer.lastOutboundTs} />,
            Median: peer.latencyMs === undefined ? undefined : took(peer.latencyMs),
            '24 h ok': peer.success24h === undefined ? undefined : percent(peer.success24h),
            Software: peer.software ?? 'not asked yet',
            'Key valid until': peer.keyValidUntil === undefined ? undefined : <Moment ts={peer.keyValidUntil} />,
          }}
        />
      </div>
    </section>
  );
}
