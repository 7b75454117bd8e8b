import type { Flow, PduOutcome } from '../../../shared/flow.ts';
import { Facts } from '../../components/facts.tsx';
import { Id } from '../../components/id.tsx';
import { Note } from '../../components/note.tsx';
import { Status } from '../../components/status.tsx';
import { Clock, When } from '../../components/when.tsx';
import { howItEnded, statusLook, whatItIs } from '../../flow-words.ts';
import { bytes, count, plural, took } from '../../format.ts';
import { outcomeLooks, worstFirst } from '../../looks.ts';
import { eventHref, type FlowTab, logHref, peerHref } from '../../route.ts';
import { RoomName } from './room-name.tsx';

interface SummaryTabProps {
  readonly flow: Flow;
  readonly onTab: (tab: FlowTab) => void;
}

/** A request in plain words: what it was, what became of it, and why. */
export function SummaryTab({ flow, onTab }: SummaryTabProps) {
  const refused = flow.pdus.filter(
    ({ outcome }) => outcome === 'rejected' || outcome === 'softFailed' || outcome === 'dropped',
  );
  const { kind } = statusLook(flow);
  const [firstRefused] = refused;
  return (
    <div className="cols-main">
      <div className="stack gap-5">
        {firstRefused !== undefined && <Refused refused={refused} of={flow.pdus.length} onTab={onTab} />}
        {(kind === 'bad' || kind === 'warn') && (
          <Note kind={kind}>
            <p>
              <b>{flow.status === undefined ? 'No reply.' : `${flow.status} ${flow.errcode ?? ''}`}</b>{' '}
              {howItEnded(flow)}
            </p>
          </Note>
        )}
        {flow.auth?.verified === false && flow.direction === 'inbound' && (
          <Note kind="bad">
            <p>
              <b>Its signature was not accepted.</b> {flow.auth.why}
            </p>
          </Note>
        )}
        <p>
          {whatItIs(flow)} {kind === 'ok' || kind === 'info' ? howItEnded(flow) : ''} <Outcomes pdus={flow.pdus} />
        </p>
        <div className="row wrap">
          {firstRefused?.eventId !== undefined && (
            <a className="btn" href={eventHref(firstRefused.eventId)}>
              Open the event
            </a>
          )}
          {flow.peer !== undefined && (
            <a className="btn btn-quiet" href={logHref(`peer:${flow.peer}`)}>
              Only this peer
            </a>
          )}
          {flow.roomId !== undefined && (
            <a className="btn btn-quiet" href={logHref(`room:${flow.roomId}`)}>
              Only this room
            </a>
          )}
        </div>
      </div>
      <FlowFacts flow={flow} />
    </div>
  );
}

/** The worst event of the request: which rule refused it, in words. */
function Refused({
  refused,
  of,
  onTab,
}: {
  readonly refused: readonly PduOutcome[];
  readonly of: number;
  readonly onTab: (tab: FlowTab) => void;
}) {
  const worst = worstFirst.flatMap((outcome) => refused.filter((pdu) => pdu.outcome === outcome))[0];
  if (worst === undefined) return null;
  const { kind, word } = outcomeLooks[worst.outcome];
  const alike = refused.filter(({ outcome }) => outcome === worst.outcome).length;
  return (
    <Note kind={kind}>
      <p>
        <b>
          {of === 1 ? 'Its one PDU was' : `${count(alike)} of ${plural(of, 'PDU')} ${alike === 1 ? 'was' : 'were'}`}{' '}
          {word}.
        </b>{' '}
        {worst.type !== undefined && (
          <>
            <code>{worst.type}</code>:{' '}
          </>
        )}
        {worst.reason ?? worst.rule}.{' '}
        <button type="button" className="link" onClick={() => onTab('pdus')}>
          See the check that decided
        </button>
      </p>
    </Note>
  );
}

function Outcomes({ pdus }: { readonly pdus: readonly PduOutcome[] }) {
  const parts = [...worstFirst].reverse().flatMap((outcome) => {
    const many = pdus.filter((pdu) => pdu.outcome === outcome).length;
    return many > 0 ? [`${count(many)} ${outcomeLooks[outcome].word}`] : [];
  });
  return parts.length > 0 && `${plural(pdus.length, 'event')}: ${parts.join(', ')}.`;
}

function FlowFacts({ flow }: { readonly flow: Flow }) {
  const { kind, word } = statusLook(flow);
  const [received, sent] =
    flow.direction === 'inbound' ? [flow.requestBytes, flow.responseBytes] : [flow.responseBytes, flow.requestBytes];
  return (
    <Facts
      of={{
        [flow.direction === 'inbound' ? 'Received' : 'Sent']: (
          <>
            <When ts={flow.startedAt} />{' '}
            <span className="faint">
              <Clock ts={flow.startedAt} precise />
            </span>
          </>
        ),
        Peer: flow.peer === undefined ? 'unknown' : <a href={peerHref(flow.peer)}>{flow.peer}</a>,
        Address: flow.address === undefined ? undefined : <code>{flow.address}</code>,
        Room: flow.roomId === undefined ? undefined : <RoomName roomId={flow.roomId} isLink />,
        Answer: (
          <>
            <Status kind={kind}>{word}</Status>
            {flow.tookMs !== undefined && ` in ${took(flow.tookMs)}`}
          </>
        ),
        Verified:
          flow.direction === 'inbound' && flow.auth?.verified ? (
            <Status kind="ok">X-Matrix, {flow.auth.keyId}</Status>
          ) : undefined,
        Try: flow.attempt > 1 ? flow.attempt : undefined,
        Size: `${bytes(received)} in, ${bytes(sent)} out`,
        Trace: <Id value={flow.traceId} />,
      }}
    />
  );
}
