import type { Flow, FlowSummary } from '../../../shared/flow.ts';
import type { FlowId } from '../../../shared/ids.ts';
import { Empty } from '../../components/empty.tsx';
import { Icon } from '../../components/icon.tsx';
import { Loading } from '../../components/loading.tsx';
import { Tabs } from '../../components/tabs.tsx';
import { useToast } from '../../components/toast.tsx';
import { asCurl } from '../../curl.ts';
import { count, took } from '../../format.ts';
import { useKnown } from '../../known.tsx';
import { outcomeLooks, worstFirst } from '../../looks.ts';
import type { FlowTab } from '../../route.ts';
import { useShortcuts } from '../../shortcuts.ts';
import { askAgain, useLive } from '../../use-live.ts';
import { AuthTab } from './auth-tab.tsx';
import { RequestTab, ResponseTab } from './message-tabs.tsx';
import { PdusTab } from './pdus-tab.tsx';
import { SummaryTab } from './summary-tab.tsx';
import { TimingTab } from './timing-tab.tsx';
import { TraceTab } from './trace-tab.tsx';

interface FlowPaneProps {
  readonly id: FlowId;
  readonly tab: FlowTab;
  /** What the list knows of it, shown until the whole is there. */
  readonly summary: FlowSummary | undefined;
  readonly onTab: (tab: FlowTab) => void;
  readonly onClose: () => void;
}

/** One request opened: what it was, why it ended so, and all that was recorded of it. */
export function FlowPane({ id, tab, summary, onTab, onClose }: FlowPaneProps) {
  const loaded = useLive({
    call: 'flow.get',
    args: [id],
    event: 'flows.changed',
    apply: (state, changed) => (changed.some((flow) => flow.id === id) ? askAgain : state),
  });
  const copy = useCopyCurl(loaded.data ?? undefined);
  useShortcuts({ c: copy });
  const head = loaded.data ?? summary;
  return (
    <section className="pane" aria-label="Request">
      <div className="pane-head">
        {head !== undefined && <Head flow={head} />}
        <span className="grow" />
        <button type="button" className="btn btn-quiet" onClick={copy}>
          <Icon name="copy" />
          Copy as cURL
        </button>
        <button
          type="button"
          className="btn btn-icon btn-quiet"
          title="Close (Esc)"
          aria-label="Close"
          onClick={onClose}
        >
          <Icon name="x" />
        </button>
      </div>
      <Tabs
        label="Parts of the request"
        tabs={tabsOf(head, loaded.data ?? undefined)}
        current={tab}
        onChoose={onTab}
        panelClass={tab === 'pdus' || tab === 'trace' ? 'flush' : ''}
      >
        <Loading of={loaded} what="The request">
          {(flow) =>
            flow === null ? (
              <Empty icon="log" title="No longer recorded">
                The log keeps the newest requests; this one has made room for others.
              </Empty>
            ) : (
              <Part flow={flow} tab={tab} onTab={onTab} />
            )
          }
        </Loading>
      </Tabs>
    </section>
  );
}

function Part({
  flow,
  tab,
  onTab,
}: {
  readonly flow: Flow;
  readonly tab: FlowTab;
  readonly onTab: (tab: FlowTab) => void;
}) {
  switch (tab) {
    case 'auth':
      return <AuthTab flow={flow} />;
    case 'request':
      return <RequestTab flow={flow} />;
    case 'response':
      return <ResponseTab flow={flow} />;
    case 'pdus':
      return <PdusTab key={flow.id} flow={flow} />;
    case 'timing':
      return <TimingTab flow={flow} />;
    case 'trace':
      return <TraceTab flow={flow} />;
    default:
      return <SummaryTab flow={flow} onTab={onTab} />;
  }
}

function Head({ flow }: { readonly flow: FlowSummary }) {
  const [icon, words] = flow.direction === 'inbound' ? (['in', 'from'] as const) : (['out', 'to'] as const);
  return (
    <h2 className="row">
      <span className="method">{flow.method}</span>
      <span className="mono clip" title={flow.uri}>
        {flow.uri}
      </span>
      <span className="faint nowrap">
        <Icon name={icon} small /> {words} {flow.peer ?? 'an unknown server'}
      </span>
    </h2>
  );
}

/** Each tab says at once whether there is something in it. */
function tabsOf(head: FlowSummary | undefined, flow: Flow | undefined) {
  const { auth, outcomes = {}, tookMs } = head ?? {};
  const worst = worstFirst.find((outcome) => (outcomes[outcome] ?? 0) > 0);
  const pdus = flow?.pdus.length ?? 0;
  const kind = worst === undefined ? 'ok' : outcomeLooks[worst].kind;
  return [
    { id: 'summary', title: 'Summary' },
    {
      id: 'auth',
      title: (
        <>
          {auth !== undefined && head?.direction === 'inbound' && <Glyph kind={auth.verified ? 'ok' : 'bad'} />}
          Auth
        </>
      ),
    },
    { id: 'request', title: 'Request' },
    { id: 'response', title: 'Response' },
    {
      id: 'pdus',
      title: (
        <>
          {kind !== 'ok' && <Glyph kind={kind} />}
          PDUs {pdus > 0 && <span className="n">{count(pdus)}</span>}
        </>
      ),
    },
    { id: 'timing', title: <>Timing {tookMs !== undefined && <span className="n">{took(tookMs)}</span>}</> },
    {
      id: 'trace',
      title: <>Trace {flow !== undefined && <span className="n">{count(flow.related.length + 1)}</span>}</>,
    },
  ] as const;
}

function Glyph({ kind }: { readonly kind: 'ok' | 'bad' | 'soft' | 'mute' | 'info' | 'warn' }) {
  return <Icon name={kind} small className={`is-${kind} tint`} />;
}

function useCopyCurl(flow: Flow | undefined): () => void {
  const { overview } = useKnown();
  const toast = useToast();
  return () => {
    if (flow === undefined) return;
    navigator.clipboard.writeText(asCurl(flow, overview.data?.serverName ?? 'localhost')).then(
      () =>
        toast({ kind: 'ok', title: 'Copied as cURL', text: 'Its signature is left out: whoever has one can use it.' }),
      () => toast({ kind: 'bad', title: 'Not copied', text: 'The browser did not allow it.' }),
    );
  };
}
