import { type FlowSummary, flowState } from '../../../shared/flow.ts';
import { useTime } from '../../clock.ts';
import { took } from '../../format.ts';

/** How long a request took; while it is open, how long it has taken. */
export function FlowTook({ flow }: { readonly flow: FlowSummary }) {
  if (flow.tookMs !== undefined) return took(flow.tookMs);
  return flowState(flow) === 'pending' ? <Growing since={flow.startedAt} /> : '—';
}

function Growing({ since }: { readonly since: number }) {
  return useTime((now) => took(Math.max(0, now - since)));
}
