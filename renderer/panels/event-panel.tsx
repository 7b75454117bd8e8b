import type { EventId } from '../../shared/ids.ts';
import type { EventDetail } from '../../shared/views.ts';
import { CopyButton } from '../components/copy-button.tsx';
import { Empty } from '../components/empty.tsx';
import { Ladder } from '../components/ladder.tsx';
import { Loading } from '../components/loading.tsx';
import { OutcomeBadge } from '../components/outcome-badge.tsx';
import { Screen } from '../components/screen.tsx';
import { Verdict } from '../components/verdict.tsx';
import { When } from '../components/when.tsx';
import { eventVerdict, sourceWords } from '../event-words.ts';
import { bytes } from '../format.ts';
import { useKnown } from '../known.tsx';
import { outcomeLooks } from '../looks.ts';
import { roomHref } from '../route.ts';
import { useShortcuts } from '../shortcuts.ts';
import { askAgain, useLive } from '../use-live.ts';
import { EventFacts } from './event/event-facts.tsx';
import { EventJson } from './event/event-json.tsx';
import { EventSeals } from './event/event-seals.tsx';

const specification = 'https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu';

/** One event: what became of it and which check decided, what it says, and what seals it. */
export function EventPanel({ eventId }: { readonly eventId: EventId }) {
  const event = useLive({
    call: 'event.get',
    args: [eventId],
    event: 'rooms.changed',
    apply: (state, changed) => (state !== null && changed.includes(state.roomId) ? askAgain : state),
  });
  const { roomName } = useKnown();
  useShortcuts({ Escape: () => history.back() });
  const { data } = event;
  const crumbs: [string, string][] = [['Rooms', '#/rooms']];
  if (data) crumbs.push([roomName(data.roomId) ?? data.roomId, roomHref(data.roomId)]);
  return (
    <Screen
      title={data?.type ?? 'Event'}
      heading={data && <span className="mono">{data.type}</span>}
      crumbs={crumbs}
      aside={data && <OutcomeBadge outcome={data.outcome} />}
      actions={data && <CopyButton text={data.json}>Copy JSON</CopyButton>}
      foot={
        data && (
          <span>
            {bytes(new TextEncoder().encode(data.canonical).length)} of canonical JSON; 65,536 bytes are allowed
          </span>
        )
      }
      keys={[['Esc', 'back']]}
    >
      <Loading of={event} what="The event">
        {(known) =>
          known === null ? (
            <Empty icon="search" title="Not here">
              This server does not have <code className="anywhere">{eventId}</code>. Another may.
            </Empty>
          ) : (
            <Known event={known} />
          )
        }
      </Loading>
    </Screen>
  );
}

function Known({ event }: { readonly event: EventDetail }) {
  const { sentence, more } = eventVerdict(event);
  return (
    <div className="cols-aside">
      <div className="stack gap-6">
        <Verdict kind={outcomeLooks[event.outcome].kind} sentence={sentence}>
          {more}
        </Verdict>
        <section className="stack" aria-labelledby="checks">
          <div className="section-head">
            <h2 id="checks">Checks on receipt</h2>
            <span className="grow faint small">
              <When ts={event.receivedTs} />, {sourceWords[event.source]}
            </span>
            <a className="small dim nowrap" href={specification} target="_blank" rel="noreferrer">
              Specification
            </a>
          </div>
          <div className="box pad">
            <Ladder of={event} />
          </div>
        </section>
        <EventJson event={event} />
      </div>
      <div className="stack gap-6">
        <EventFacts event={event} />
        <EventSeals event={event} />
      </div>
    </div>
  );
}
