import type { ServerName } from '../../shared/ids.ts';
import type { Attention, Overview } from '../../shared/views.ts';
import type { Log } from '../log.ts';
import { countEvents } from './event-count.ts';
import { oneLine } from './event-summary.ts';
import type { FederationSources, PeerContact, Sources } from './sources.ts';

/** The whole state of the server on one screen: facts, a sentence about them, and what its owner should look at. */
export function createOverview(sources: Sources, log: Log): () => Overview {
  const events = countEvents(log, () => sources.federation()?.roomReads);
  return () => overviewOf(sources, events.latest());
}

function overviewOf(sources: Sources, events: number): Overview {
  const now = sources.now();
  const { listeners, certificate, hearthBytes, accounts, ...server } = sources.server();
  const { inspector } = sources;
  const federation = sources.federation();
  const federation24h = inspector.traffic.last24h();
  const met = federation === undefined ? noPeers : peersOf(federation, server.serverName);
  const facts: Facts = { now, server, listeners, certificate, federation, federation24h, met };
  const attention = rules.flatMap((rule) => rule(facts)).sort((a, b) => rank(a) - rank(b));
  return {
    ...server,
    now,
    listeners: [...listeners],
    verdict: verdict(facts, attention),
    attention,
    federation24h,
    storage: { hearthBytes, inspectorBytes: inspector.bytes(), inspectorCapBytes: inspector.maxBytes },
    counts: {
      rooms: federation?.rooms.list().filter(({ resident }) => resident).length ?? 0,
      peers: met.sharing.size,
      users: accounts,
      events,
    },
  };
}

interface Facts {
  readonly now: number;
  readonly server: Pick<Overview, 'serverName' | 'federationMode' | 'tunnel' | 'eventLoop'>;
  readonly listeners: Overview['listeners'];
  readonly certificate: { readonly validUntilTs: number; readonly names: readonly string[] } | undefined;
  readonly federation: FederationSources | undefined;
  readonly federation24h: Overview['federation24h'];
  readonly met: Met;
}

/** The servers that we share rooms with, and those of them that do not answer. */
interface Met {
  readonly sharing: ReadonlyMap<ServerName, number>;
  readonly failing: readonly PeerContact[];
}

const noPeers: Met = { sharing: new Map(), failing: [] };

function peersOf({ roomReads, peers }: FederationSources, own: ServerName | undefined): Met {
  const sharing = new Map([...roomReads.sharedRooms()].filter(([server]) => server !== own));
  const failing = peers.list().filter(({ server, status }) => status === 'backingOff' && sharing.has(server));
  return { sharing, failing: failing.sort((a, b) => (a.failingSince ?? 0) - (b.failingSince ?? 0)) };
}

function verdict(facts: Facts, attention: readonly Attention[]): Overview['verdict'] {
  const { server, met } = facts;
  const isBad = attention.some(({ severity }) => severity === 'bad');
  const kind = isBad ? 'bad' : attention.some(({ severity }) => severity === 'warn') ? 'warn' : 'ok';
  if (server.serverName === undefined) {
    return { kind: 'info', sentence: 'This server has no name yet. Choose one to begin.' };
  }
  if (server.federationMode === 'closed') {
    return { kind: isBad ? 'bad' : 'info', sentence: 'Federation is closed: this server talks with no other.' };
  }
  if (met.sharing.size === 0) {
    return {
      kind: kind === 'ok' ? 'info' : kind,
      sentence: 'Ready. You will meet other servers when you join a room.',
    };
  }
  const all = `Federating with ${count(met.sharing.size, 'server')}.`;
  if (met.failing.length === 0) return { kind, sentence: all };
  const doNot =
    met.failing.length === 1 ? '1 of them does not answer.' : `${met.failing.length} of them do not answer.`;
  const nobody = met.failing.length === met.sharing.size && met.failing.length > 1;
  return nobody
    ? { kind: 'bad', sentence: `None of the ${met.sharing.size} servers that you share rooms with answers.` }
    : {
        kind,
        sentence:
          met.sharing.size === 1 ? 'The one server that you share rooms with does not answer.' : `${all} ${doNot}`,
      };
}

type Rule = (facts: Facts) => readonly Attention[];

const dayMs = 86_400_000;
const mostNamed = 5;

const reachable: Rule = ({ server, listeners, federation24h, federation }) => {
  if (federation === undefined || server.federationMode === 'closed') return [];
  const isReached = federation24h.inbound > 0; // a proxy, perhaps: others get through
  if (isReached || server.tunnel !== undefined || listeners.some(({ kind }) => kind === 'federation')) return [];
  const client = listeners.find(({ kind }) => kind === 'client')?.address ?? 'the client listener';
  return [
    {
      severity: 'warn',
      what: 'Other servers cannot reach this one',
      why: `There is no federation listener: it needs --tls-cert and --tls-key. A proxy in front of ${client}, or a tunnel, does as well.`,
      since: undefined,
      href: undefined,
    },
  ];
};

const tunnel: Rule = ({ server }) => {
  if (server.tunnel?.state === 'failed') {
    const { why, since } = server.tunnel;
    return [{ severity: 'bad', what: 'The tunnel has failed', why, since, href: undefined }];
  }
  if (server.tunnel?.state !== 'reconnecting') return [];
  const why = 'Other servers cannot reach this one until it is back. It is tried again and again.';
  return [{ severity: 'warn', what: 'The tunnel is lost', why, since: server.tunnel.since, href: undefined }];
};

const certificate: Rule = ({ now, certificate, server }) => {
  if (certificate === undefined) return [];
  const { validUntilTs, names } = certificate;
  const days = Math.floor((validUntilTs - now) / dayMs);
  const found: Attention[] = [];
  const add = (severity: Attention['severity'], what: string, why: string) =>
    found.push({ severity, what, why, since: undefined, href: undefined });
  if (validUntilTs <= now)
    add('bad', 'The certificate has expired', 'Other servers refuse to connect until there is a new one.');
  else if (days < 14)
    add('warn', `The certificate expires in ${count(days, 'day')}`, 'Put a new one in its place: it is read again.');
  const host = server.serverName?.replace(/:\d+$/, '');
  if (host !== undefined && names.length > 0 && !names.some((name) => covers(name, host))) {
    const why = `It is for ${names.slice(0, mostNamed).join(', ')}. That is right only where .well-known or SRV leads there.`;
    add('info', `The certificate is not for ${host}`, why);
  }
  return found;
};

/** A wildcard stands for one label. */
function covers(name: string, host: string): boolean {
  const [, ...parent] = host.toLowerCase().split('.');
  return [host.toLowerCase(), `*.${parent.join('.')}`].includes(name.toLowerCase());
}

const failingPeers: Rule = ({ met, federation }) => {
  if (federation === undefined) return [];
  const queued = federation.queue.counts();
  const named = met.failing.slice(0, mostNamed).map(({ server, lastError, failingSince }): Attention => {
    const { pdus = 0 } = queued.get(server) ?? {};
    const waiting = pdus === 0 ? '' : ` ${count(pdus, 'event')} ${pdus === 1 ? 'waits' : 'wait'} for it.`;
    return {
      severity: 'warn',
      what: `${server} does not answer`,
      why: `${lastError === undefined ? 'It cannot be reached.' : `Last error: ${oneLine(lastError)}.`}${waiting}`,
      since: failingSince,
      href: `/peers/${encodeURIComponent(server)}`,
    };
  });
  const more = met.failing.length - named.length;
  if (more === 0) return named;
  const what = `${count(more, 'other server')} ${more === 1 ? 'does' : 'do'} not answer either`;
  return [
    ...named,
    { severity: 'warn', what, why: 'They are tried again by themselves.', since: undefined, href: '/peers' },
  ];
};

const gaps: Rule = ({ federation }) => {
  if (federation === undefined) return [];
  const { rooms } = federation;
  const withGap = rooms.list().filter(({ gap, resident }) => gap && resident);
  const named = withGap.slice(0, mostNamed).map(
    ({ roomId }): Attention => ({
      severity: 'warn',
      what: `${roomId} has a gap`,
      why: 'Events are missing that no server in the room could give us. What came after them is there.',
      since: undefined,
      href: `/rooms/${encodeURIComponent(roomId)}`,
    }),
  );
  const more = withGap.length - named.length;
  if (more === 0) return named;
  const why = 'Events are missing in them, too.';
  return [
    ...named,
    { severity: 'warn', what: `${count(more, 'other room')} with gaps`, why, since: undefined, href: '/rooms' },
  ];
};

const refusals: Rule = ({ federation24h: { outcomes } }) => {
  const { rejected = 0, softFailed = 0, dropped = 0 } = outcomes;
  const refused = rejected + softFailed + dropped;
  const all = Object.values(outcomes).reduce((total, number) => total + number, 0);
  if (refused < 20 || refused < all * 0.05) return [];
  return [
    {
      severity: 'info',
      what: `${refused} of ${count(all, 'event')} were refused in 24 hours`,
      why: 'Each is in the log with the rule that decided.',
      since: undefined,
      href: '/log?q=outcome%3Arejected',
    },
  ];
};

const eventLoop: Rule = ({ server: { eventLoop } }) => {
  if (eventLoop.p99Ms < 200) return [];
  const why = `Requests wait up to ${Math.round(eventLoop.maxMs)} ms for their turn. This computer may be busy with something else.`;
  return [{ severity: 'warn', what: 'The server is slow', why, since: undefined, href: undefined }];
};

const rules: readonly Rule[] = [reachable, tunnel, certificate, failingPeers, gaps, refusals, eventLoop];
const rank = ({ severity }: Attention) => ['bad', 'warn', 'info'].indexOf(severity);
const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;
