import { useState } from 'react';
import type { Flow, PduOutcome } from '../../../shared/flow.ts';
import { Empty } from '../../components/empty.tsx';
import { Cut, Id } from '../../components/id.tsx';
import { Ladder } from '../../components/ladder.tsx';
import { OutcomeBadge } from '../../components/outcome-badge.tsx';
import { worstFirst } from '../../looks.ts';
import { eventHref } from '../../route.ts';
import { RoomName } from './room-name.tsx';

/** The events of a request, the worst first, and for the chosen one which check decided. */
export function PdusTab({ flow }: { readonly flow: Flow }) {
  const pdus = [...flow.pdus].sort((a, b) => worstFirst.indexOf(a.outcome) - worstFirst.indexOf(b.outcome));
  const [chosen, choose] = useState(0);
  const pdu = pdus[chosen];
  if (pdu === undefined) {
    return (
      <Empty icon="rooms" title="No events">
        Nothing in this request went through the checks on receipt of a PDU.
      </Empty>
    );
  }
  return (
    <div className="duo">
      <ul className="duo-list" aria-label="Events">
        {pdus.map((each, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: broken events have no id, and the list does not change
          <li key={index}>
            <PduRow pdu={each} isChosen={index === chosen} onChoose={() => choose(index)} />
          </li>
        ))}
      </ul>
      <div className="duo-detail">
        <div className="row wrap">
          <b className="mono">{pdu.type ?? 'not an event'}</b>
          {pdu.eventId !== undefined && <Id value={pdu.eventId} head={14} tail={6} shown />}
          <span className="dim small">
            <RoomName roomId={pdu.roomId} isLink />
          </span>
          <span className="grow" />
          {pdu.eventId !== undefined && (
            <a className="btn" href={eventHref(pdu.eventId)}>
              Inspect event
            </a>
          )}
        </div>
        <Ladder of={pdu} compact />
      </div>
    </div>
  );
}

interface PduRowProps {
  readonly pdu: PduOutcome;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

function PduRow({ pdu, isChosen, onChoose }: PduRowProps) {
  return (
    <button type="button" className="pdu" aria-pressed={isChosen} onClick={onChoose}>
      <span className="mono clip">{pdu.type ?? 'not an event'}</span>
      <OutcomeBadge outcome={pdu.outcome} />
      <small className="clip">
        {pdu.eventId !== undefined && (
          <span className="mono" title={pdu.eventId}>
            <Cut text={pdu.eventId} head={6} tail={4} />
          </span>
        )}
        {pdu.sender !== undefined && ` · ${pdu.sender}`} · <RoomName roomId={pdu.roomId} />
      </small>
    </button>
  );
}
