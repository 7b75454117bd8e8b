import type { FlowQuery, Handlers, TimelineQuery } from '../../shared/bridge.ts';
import type { FlowId } from '../../shared/ids.ts';
import { openFlow, sampleFlow, sampleFlows } from './sample-flows.ts';
import { busyOverview } from './sample-overview.ts';
import { sampleKeys, samplePeerDetail, samplePeers } from './sample-peers.ts';
import {
  sampleEventDetail,
  sampleMembers,
  sampleRoomDetail,
  sampleRooms,
  sampleState,
  sampleTimeline,
} from './sample-rooms.ts';

/** Answers every call of the console from sample data, as a server in use would. */
export function sampleConsole(now: number): Handlers {
  const flows = sampleFlows(now);
  const rooms = sampleRooms(now);
  const peers = samplePeers(now);
  const timeline = sampleTimeline(now, 240);
  return {
    'overview.get': () => busyOverview(now),
    'rooms.list': () => rooms,
    'room.get': (roomId) => {
      const summary = rooms.find((each) => each.roomId === roomId);
      return summary === undefined ? null : sampleRoomDetail(summary);
    },
    'room.timeline': (query) => {
      const { before, limit, refused, outliers } = query as TimelineQuery;
      const shown = timeline.filter(
        (row) => (refused || !['rejected', 'softFailed'].includes(row.outcome)) && (outliers || !row.outlier),
      );
      const from =
        before === undefined ? 0 : shown.findIndex(({ position }) => position !== undefined && position < before);
      return from === -1 ? [] : shown.slice(from, from + limit);
    },
    'room.state': () => sampleState(now),
    'room.members': () => sampleMembers(),
    'event.get': (eventId) => {
      const row = timeline.find((each) => each.eventId === eventId);
      return row === undefined ? null : sampleEventDetail(row);
    },
    'peers.list': () => peers,
    'peer.get': (name) => {
      const peer = peers.find((each) => each.server === name);
      return peer === undefined ? null : samplePeerDetail(peer, now);
    },
    'peer.retry': () => null,
    'keys.get': () => sampleKeys(now),
    'flows.list': (query) => {
      const { before, limit, outcome, peer } = query as FlowQuery;
      const found = flows.filter(
        (flow) =>
          (before === undefined || Number(flow.id) < Number(before)) &&
          (outcome === undefined || Object.hasOwn(flow.outcomes, outcome)) &&
          (peer === undefined || flow.peer?.includes(peer)),
      );
      return { flows: found.slice(0, limit), more: found.length > limit, total: flows.length };
    },
    'flow.get': (id) => {
      const summary = flows.find((flow) => flow.id === id);
      return summary === undefined ? null : openFlow(summary, flows);
    },
    'setup.finish': () => ({ ok: false, why: 'hearth.example answers already: somebody else has this name.' }),
  };
}

/** One more request, a moment ago. */
export function oneMore(id: number, now: number) {
  return sampleFlow({ id: String(id) as FlowId, startedAt: now - 40, outcomes: { accepted: 1 } });
}
