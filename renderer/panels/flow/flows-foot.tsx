import { useMemo } from 'react';
import { flowState } from '../../../shared/flow.ts';
import { Status } from '../../components/status.tsx';
import type { FlowList } from '../../flow-list.ts';
import { bytes, count } from '../../format.ts';

/** What the rows on screen add up to. */
export function FlowsFoot({ list }: { readonly list: FlowList }) {
  const { shown, total } = list;
  const sums = useMemo(() => addUp(list), [list]);
  return (
    <>
      <span>
        {count(shown.length)} shown, {count(total)} recorded
      </span>
      <span className="p2">
        {bytes(sums.received)} in, {bytes(sums.sent)} out
      </span>
      {sums.failed > 0 && <Status kind="bad">{count(sums.failed)} failed</Status>}
      {sums.rejected > 0 && <Status kind="bad">{count(sums.rejected)} rejected</Status>}
      {sums.softFailed > 0 && <Status kind="soft">{count(sums.softFailed)} soft-failed</Status>}
    </>
  );
}

function addUp({ shown }: FlowList) {
  const sums = { received: 0, sent: 0, failed: 0, rejected: 0, softFailed: 0 };
  for (const flow of shown) {
    const [received, sent] =
      flow.direction === 'inbound' ? [flow.requestBytes, flow.responseBytes] : [flow.responseBytes, flow.requestBytes];
    sums.received += received;
    sums.sent += sent;
    if (flowState(flow) === 'failed' || (flow.status ?? 0) >= 400) sums.failed += 1;
    sums.rejected += flow.outcomes.rejected ?? 0;
    sums.softFailed += flow.outcomes.softFailed ?? 0;
  }
  return sums;
}
