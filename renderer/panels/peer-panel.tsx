import { useState } from 'react';
import type { ServerName } from '../../shared/ids.ts';
import type { PeerDetail } from '../../shared/views.ts';
import { Empty } from '../components/empty.tsx';
import { Icon } from '../components/icon.tsx';
import { Loading } from '../components/loading.tsx';
import { PeerStatusWord } from '../components/peer-status.tsx';
import { Screen } from '../components/screen.tsx';
import { useToast } from '../components/toast.tsx';
import { Verdict } from '../components/verdict.tsx';
import { useBridge } from '../connection.tsx';
import { plural } from '../format.ts';
import { peerVerdict } from '../peer-words.ts';
import { go, logHref } from '../route.ts';
import { useShortcuts } from '../shortcuts.ts';
import { askAgain, useLive } from '../use-live.ts';
import { PeerDiscovery } from './peer/peer-discovery.tsx';
import { PeerBackoff, PeerTogether } from './peer/peer-facts.tsx';
import { PeerKeys, PeerQueue, PeerRecent, PeerTransitions } from './peer/peer-tables.tsx';

/** One other server: how it stands, how it was found, what waits for it, and what passed between the two lately. */
export function PeerPanel({ server }: { readonly server: ServerName }) {
  const peer = useLive({
    call: 'peer.get',
    args: [server],
    event: 'peers.changed',
    apply: (state, changed) => (changed.includes(server) ? askAgain : state),
  });
  const { retry, isBusy } = useRetry(server);
  useShortcuts({ r: retry, Escape: () => go({ screen: 'peers' }) });
  const { data } = peer;
  const actions = (
    <>
      <a className="btn btn-quiet p2" href={logHref(`peer:${server}`)}>
        Requests
      </a>
      <button
        type="button"
        className={data?.status === 'backingOff' ? 'btn btn-primary' : 'btn'}
        onClick={retry}
        disabled={isBusy}
      >
        <Icon name="retry" />
        Retry now
      </button>
    </>
  );
  return (
    <Screen
      title={server}
      crumbs={[['Peers', '#/peers']]}
      aside={data && <PeerStatusWord status={data.status} as="badge" />}
      actions={data && actions}
      foot={data && <span>{plural(data.sharedRooms, 'shared room')}</span>}
      keys={[
        ['r', 'retry now'],
        ['Esc', 'back'],
      ]}
    >
      <Loading of={peer} what="What is known of this server">
        {(known) => (known === null ? <Unknown server={server} /> : <Known peer={known} />)}
      </Loading>
    </Screen>
  );
}

function Known({ peer }: { readonly peer: PeerDetail }) {
  const { kind, glyph, sentence, more } = peerVerdict(peer);
  return (
    <>
      <Verdict kind={kind} glyph={glyph} sentence={sentence}>
        {more}
      </Verdict>
      <div className="cols-aside">
        <div className="stack gap-6">
          <PeerDiscovery run={peer.discovery} />
          <PeerQueue peer={peer} />
          <PeerKeys keys={peer.keys} />
          <PeerRecent flows={peer.recent} server={peer.server} />
        </div>
        <div className="stack gap-6">
          <PeerBackoff peer={peer} />
          <PeerTogether peer={peer} />
          <PeerTransitions transitions={peer.transitions} />
        </div>
      </div>
    </>
  );
}

function Unknown({ server }: { readonly server: ServerName }) {
  return (
    <Empty icon="peers" title="Not met yet">
      No request has gone to {server} or come from it, and you share no room. <a href="#/peers">All peers</a>
    </Empty>
  );
}

function useRetry(server: ServerName) {
  const bridge = useBridge();
  const toast = useToast();
  const [isBusy, setBusy] = useState(false);
  const retry = () => {
    if (bridge === undefined || isBusy) return;
    setBusy(true);
    bridge
      .call('peer.retry', server)
      .then(
        () =>
          toast({ kind: 'info', title: `Trying ${server} now`, text: 'What comes of it shows here and in the log.' }),
        (error: unknown) =>
          toast({ kind: 'bad', title: 'Not tried', text: error instanceof Error ? error.message : String(error) }),
      )
      .finally(() => setBusy(false));
  };
  return { retry, isBusy };
}
