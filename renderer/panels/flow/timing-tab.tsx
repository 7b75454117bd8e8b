import { Fragment } from 'react';
import type { Flow } from '../../../shared/flow.ts';
import { DiscoverySteps } from '../../components/discovery-steps.tsx';
import { phaseClass } from '../../components/waterfall.tsx';
import { phasesInOrder, phaseWords } from '../../flow-words.ts';
import { took } from '../../format.ts';

/** Where the time went, phase by phase; and for what went out, how its address was found. */
export function TimingTab({ flow }: { readonly flow: Flow }) {
  const measured = phasesInOrder(flow.direction).flatMap((phase) => {
    const ms = flow.phases[phase];
    return ms === undefined ? [] : [{ phase, ms }];
  });
  const sum = measured.reduce((total, { ms }) => total + ms, 0);
  const total = Math.max(flow.tookMs ?? sum, 1);
  let start = 0;
  return (
    <div className="stack gap-6">
      <div className="phases">
        <span className="hd">Phase</span>
        <span className="hd">0 ms</span>
        <span className="hd num">Took</span>
        <span className="hd nt">What</span>
        {measured.map(({ phase, ms }) => {
          const x = start;
          start += ms;
          return (
            <Fragment key={phase}>
              <span>{phaseWords[phase].word}</span>
              <span>
                <svg aria-hidden="true">
                  <rect
                    className={phaseClass[phase]}
                    x={`${(100 * x) / total}%`}
                    width={`${Math.max(0.6, (100 * ms) / total)}%`}
                    height="10"
                  />
                </svg>
              </span>
              <span className="num">{took(ms)}</span>
              <span className="nt dim">{phaseWords[phase].what}</span>
            </Fragment>
          );
        })}
        <span className="sum">Total</span>
        <span className="sum" />
        <span className="num sum">{flow.tookMs === undefined ? 'open' : took(flow.tookMs)}</span>
        <span className="nt sum" />
      </div>
      {flow.discovery.length > 0 && (
        <section className="stack">
          <h3>How its address was found</h3>
          <DiscoverySteps steps={flow.discovery} />
        </section>
      )}
    </div>
  );
}
