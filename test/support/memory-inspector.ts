import type { FlowOpening, Inspector, OpenFlow } from '../../main/inspector/inspector.ts';
import type { DiscoveryTraceStep, FlowAuth, FlowSummary, PduOutcome, Phase } from '../../shared/flow.ts';
import type { FlowId, ServerName } from '../../shared/ids.ts';
import type { DiscoveryRun } from '../../shared/views.ts';

/** A flow as it was told. */
export interface ToldFlow {
  readonly opening: FlowOpening;
  readonly traceId: string;
  requestHeaders?: Readonly<Record<string, string | string[] | undefined>>;
  requestBody?: string | undefined;
  auth?: FlowAuth;
  address?: string;
  discovery?: readonly DiscoveryTraceStep[];
  pdus?: readonly PduOutcome[];
  readonly phases: Partial<Record<Phase, number>>;
  status?: number;
  errcode?: string | undefined;
  error?: FlowSummary['error'];
}

/** An inspector that keeps what it is told in arrays. It notices flows that are closed twice. */
export function memoryInspector() {
  const flows: ToldFlow[] = [];
  const discoveries: { server: ServerName; run: DiscoveryRun }[] = [];
  const keys: Parameters<Inspector['keyObserved']>[0][] = [];
  const transitions: Parameters<Inspector['peerChanged']>[0][] = [];
  const pdus: PduOutcome[] = [];
  let current: OpenFlow | undefined;

  const inspector: Inspector = {
    open(opening) {
      const told: ToldFlow = { opening, traceId: current?.traceId ?? `trace-${flows.length}`, phases: {} };
      flows.push(told);
      const close = (changes: Partial<ToldFlow>) => {
        if (told.status !== undefined || told.error !== undefined) throw new Error('this flow is closed');
        Object.assign(told, changes);
      };
      return {
        id: String(flows.length) as FlowId,
        traceId: told.traceId,
        request(headers, body) {
          told.requestHeaders = headers;
          told.requestBody = body && Buffer.from(body).toString();
        },
        auth: (auth) => void Object.assign(told, { auth }),
        room: () => undefined,
        phase: (phase, ms) => void Object.assign(told.phases, { [phase]: ms }),
        discovery: (discovery) => void Object.assign(told, { discovery }),
        address: (address) => void Object.assign(told, { address }),
        pdus: (outcomes) => void Object.assign(told, { pdus: outcomes }),
        edus: () => undefined,
        close: ({ status, errcode }) => close({ status, errcode }),
        fail: (error) => close({ error }),
      };
    },
    within(flow, work) {
      const before = current;
      current = flow;
      try {
        return work();
      } finally {
        current = before;
      }
    },
    trace: (work) => work(),
    apart: (work) => work(),
    current: () => current,
    pdus: (outcomes) => void pdus.push(...outcomes),
    discovered: (server, run) => void discoveries.push({ server, run }),
    keyObserved: (seen) => void keys.push(seen),
    peerChanged: (change) => void transitions.push(change),
    stateChanged: () => undefined,
    eduDropped: () => undefined,
    keyClaimed: () => undefined,
    slept: () => undefined,
  };
  return { inspector, flows, discoveries, keys, transitions, pdus };
}
