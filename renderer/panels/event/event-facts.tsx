import type { EventId } from '../../../shared/ids.ts';
import type { EventDetail } from '../../../shared/views.ts';
import { Facts } from '../../components/facts.tsx';
import { Cut, Id } from '../../components/id.tsx';
import { When } from '../../components/when.tsx';
import { count, duration } from '../../format.ts';
import { eventHref } from '../../route.ts';
import { RoomName } from '../flow/room-name.tsx';

/** Where an event stands: in its room, in the graph, in time. */
export function EventFacts({ event }: { readonly event: EventDetail }) {
  const late = event.receivedTs - event.originServerTs;
  return (
    <section className="box pad" aria-label="Facts">
      <Facts
        of={{
          'Event id': <Id value={event.eventId} whole />,
          Room: <RoomName roomId={event.roomId} isLink />,
          Sender: <Id value={event.sender} head={40} tail={8} />,
          'State key': event.stateKey === undefined ? undefined : <code>"{event.stateKey}"</code>,
          Says: event.summary,
          Sent: (
            <>
              <When ts={event.originServerTs} form="full" /> <span className="faint">by its own clock</span>
            </>
          ),
          Received:
            event.source === 'local'
              ? 'made here'
              : late < 0
                ? `${duration(-late)} before it was sent, by our clock`
                : `${late < 10_000 ? `${(late / 1000).toFixed(1)} s` : duration(late)} later`,
          Position:
            event.position === undefined ? (event.outlier ? 'none, as an outlier' : 'none') : count(event.position),
          Depth: count(event.depth),
          'Prev events': <Events ids={event.prevEvents} />,
          'Auth events': <Events ids={event.authEvents} />,
          'Redacted by': event.redactedBy === undefined ? undefined : <Events ids={[event.redactedBy]} />,
        }}
      />
    </section>
  );
}

function Events({ ids }: { readonly ids: readonly EventId[] }) {
  if (ids.length === 0) return <span className="dim">none</span>;
  return (
    <ul className="stack gap-2">
      {ids.map((id) => (
        <li key={id}>
          <a className="mono" href={eventHref(id)} title={id}>
            <Cut text={id} head={14} tail={4} />
          </a>
        </li>
      ))}
    </ul>
  );
}
