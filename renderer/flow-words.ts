import { type FlowSummary, flowState, type Phase } from '../shared/flow.ts';
import { plural, took } from './format.ts';
import type { Kind } from './looks.ts';

/** What an endpoint is for: who is asked, for what. `{them}` asks `{us}`, or the other way round. */
const asksFor: Readonly<Record<string, string>> = {
  backfill: 'older events of a room',
  event: 'one event',
  event_auth: 'the events that authorise another',
  get_missing_events: 'events that lie between those it knows',
  hierarchy: 'the rooms of a space',
  'key/v2/query': 'the keys of other servers, as a notary',
  'key/v2/server': 'its keys',
  make_join: 'a template to join a room',
  make_knock: 'a template to knock on a room',
  make_leave: 'a template to leave a room',
  'media/download': 'a file',
  'media/thumbnail': 'a small image',
  'openid/userinfo': 'whom an OpenID token belongs to',
  publicRooms: 'its public rooms',
  'query/directory': 'the room behind an alias',
  'query/profile': 'somebody’s profile',
  state: 'the state of a room',
  state_ids: 'the ids of the state of a room',
  timestamp_to_event: 'the event nearest to a moment',
  'user/devices': 'somebody’s devices',
  'user/keys/claim': 'one-time keys, to start encrypted sessions',
  'user/keys/query': 'somebody’s device keys',
  version: 'its software and version',
  '.well-known/matrix/server': 'where its server is',
};

/** Endpoints that bring something instead of asking for it. */
const brings: Readonly<Record<string, string>> = {
  invite: 'an invitation to a room',
  send_join: 'a signed join, to be let into a room',
  send_knock: 'a signed knock on a room',
  send_leave: 'a signed leave from a room',
  exchange_third_party_invite: 'an invitation by e-mail that was accepted',
};

/** What a request was about, in a sentence. */
export function whatItIs(flow: FlowSummary): string {
  const peer = flow.peer ?? 'A server that did not say its name';
  const [from, to] = flow.direction === 'inbound' ? [peer, 'this server'] : ['This server', flow.peer ?? 'a server'];
  if (flow.endpoint === 'send') {
    const pdus = Object.values(flow.outcomes).reduce((sum, n) => sum + n, 0);
    const parts = [pdus > 0 ? plural(pdus, 'PDU') : '', flow.edus > 0 ? plural(flow.edus, 'EDU') : ''];
    const load = parts.filter((part) => part !== '').join(' and ') || 'a transaction';
    return `${from} sent ${load} to ${to}.`;
  }
  const brought = brings[flow.endpoint];
  if (brought !== undefined) return `${from} sent ${to} ${brought}.`;
  const asked = asksFor[flow.endpoint];
  const other = flow.endpoint === 'unknown' ? 'something that is no endpoint' : flow.endpoint;
  return asked === undefined ? `${from} asked ${to} for ${other}.` : `${from} asked ${to} for ${asked}.`;
}

const stages: Readonly<
  Record<NonNullable<FlowSummary['error']>['stage'], { readonly word: string; readonly sentence: string }>
> = {
  discovery: { word: 'lookup', sentence: 'Its address could not be found' },
  connect: { word: 'connect', sentence: 'No connection could be made' },
  tls: { word: 'TLS', sentence: 'No secure connection could be made' },
  timeout: { word: 'timeout', sentence: 'It did not answer in time' },
  reply: { word: 'reply', sentence: 'What came back could not be read' },
  internal: { word: 'internal', sentence: 'This server failed while it worked on the request' },
};

/** The status as a row shows it. A reply that is an error is not the same as no reply. */
export function statusLook({ status, error }: FlowSummary): { readonly kind: Kind; readonly word: string } {
  if (error !== undefined) return { kind: 'bad', word: stages[error.stage].word };
  if (status === undefined) return { kind: 'info', word: 'open' };
  if (status >= 500) return { kind: 'bad', word: String(status) };
  return { kind: status >= 400 ? 'warn' : 'ok', word: String(status) };
}

/** How a request ended, in a sentence. */
export function howItEnded(flow: FlowSummary): string {
  const who = flow.direction === 'inbound' ? 'This server' : (flow.peer ?? 'The other server');
  if (flow.error !== undefined) return `${stages[flow.error.stage].sentence}: ${sentence(flow.error.message)}`;
  if (flowState(flow) === 'pending') return `${who} has not answered yet.`;
  const time = flow.tookMs === undefined ? '' : ` in ${took(flow.tookMs)}`;
  const errcode = flow.errcode === undefined ? '' : ` ${flow.errcode}`;
  return `${who} answered ${flow.status}${errcode}${time}.`;
}

/** With a full stop, where it has none. */
function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** What each phase of a request is, and in which order they happen. */
export const phaseWords: Readonly<Record<Phase, { readonly word: string; readonly what: string }>> = {
  queue: { word: 'Queue', what: 'waiting for its turn' },
  discovery: { word: 'Discovery', what: '.well-known and DNS' },
  connect: { word: 'Connection', what: 'TCP and TLS' },
  wait: { word: 'Waiting', what: 'for the first byte, or for what is missing' },
  body: { word: 'Body', what: 'bytes on the wire' },
  processing: { word: 'Processing', what: 'checks, state, commit' },
};

/** What comes in is read first; what goes out is sent last. */
export function phasesInOrder(direction: FlowSummary['direction']): readonly Phase[] {
  return direction === 'inbound'
    ? ['connect', 'body', 'queue', 'discovery', 'wait', 'processing']
    : ['queue', 'discovery', 'connect', 'wait', 'body', 'processing'];
}
