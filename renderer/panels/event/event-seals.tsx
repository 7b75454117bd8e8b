import type { EventDetail } from '../../../shared/views.ts';
import { Facts } from '../../components/facts.tsx';
import { Id } from '../../components/id.tsx';
import { Status } from '../../components/status.tsx';
import type { Kind } from '../../looks.ts';

type Signature = EventDetail['signatures'][number];

const keyLooks: Readonly<Record<Signature['key'], { readonly kind: Kind; readonly word: string }>> = {
  known: { kind: 'ok', word: 'key known' },
  unknown: { kind: 'warn', word: 'key unknown' },
  expired: { kind: 'mute', word: 'old key' },
};

/** What holds an event together: its hashes and the servers that signed it. */
export function EventSeals({ event }: { readonly event: EventDetail }) {
  const { contentHash, computedEventId, eventId, signatures } = event;
  return (
    <section className="stack" aria-labelledby="seals">
      <h2 id="seals">Signatures and hashes</h2>
      <div className="box pad">
        <Facts
          of={{
            'Signed by': <Signatures of={signatures} />,
            'Content hash': <ContentHash of={contentHash} />,
            'Reference hash':
              computedEventId === eventId ? (
                <Status kind="ok">is the event id</Status>
              ) : (
                <>
                  <Status kind="mute">is not the event id</Status> <Id value={computedEventId} />
                </>
              ),
          }}
        />
      </div>
    </section>
  );
}

function Signatures({ of }: { readonly of: readonly Signature[] }) {
  if (of.length === 0) return <Status kind="bad">nobody</Status>;
  return (
    <ul className="stack gap-2">
      {of.map(({ server, keyId, key }) => (
        <li key={`${server} ${keyId}`}>
          <b>{server}</b> <code>{keyId}</code> <Status kind={keyLooks[key].kind}>{keyLooks[key].word}</Status>
        </li>
      ))}
    </ul>
  );
}

function ContentHash({ of: { stated, computed } }: { readonly of: EventDetail['contentHash'] }) {
  if (stated === computed) {
    return (
      <>
        <Status kind="ok">matches</Status> <Id value={computed} />
      </>
    );
  }
  return (
    <>
      <Status kind="warn">{stated === undefined ? 'missing' : 'does not match'}</Status>{' '}
      {stated !== undefined && <Id value={stated} />}
      <span className="dim"> computed: </span>
      <Id value={computed} />
    </>
  );
}
