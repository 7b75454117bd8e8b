import { useState } from 'react';
import type { Overview } from '../../shared/views.ts';
import { count, percent } from '../format.ts';
import { worstFirst } from '../looks.ts';
import { logHref } from '../route.ts';
import { OutcomeBadge } from './outcome-badge.tsx';
import { RequestsChart } from './requests-chart.tsx';
import { RequestsTable } from './requests-table.tsx';

type Day = Overview['federation24h'];

/** A day of federation: how much, how well, how fast, and what became of the events. */
export function FederationDay({ day }: { readonly day: Day }) {
  const [isTable, setTable] = useState(false);
  const all = day.inbound + day.outbound;
  return (
    <section className="section" aria-labelledby="day">
      <div className="section-head">
        <h2 id="day">Federation, 24 hours</h2>
        <span className="grow" />
        {!isTable && <Legend />}
        <button type="button" className="btn btn-quiet" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          {isTable ? 'As chart' : 'As table'}
        </button>
      </div>
      <div className="box pad">
        <div className="cols-main gap-6">
          {isTable ? <RequestsTable perHour={day.perHour} /> : <RequestsChart perHour={day.perHour} />}
          <div className="stack gap-5">
            <dl className="bigs">
              <Big label="Requests in / out" value={count(day.inbound)} rest={`/ ${count(day.outbound)}`} />
              <Big label="Succeeded" value={all === 0 ? '—' : percent(1 - day.failed / all)} />
              <Big
                label="Median / p95"
                value={day.p50Ms === undefined ? '—' : count(Math.round(day.p50Ms))}
                rest={day.p95Ms === undefined ? '' : `/ ${count(Math.round(day.p95Ms))} ms`}
              />
            </dl>
            <Outcomes outcomes={day.outcomes} />
          </div>
        </div>
      </div>
    </section>
  );
}

function Big({ label, value, rest = '' }: { readonly label: string; readonly value: string; readonly rest?: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        {value} <small>{rest}</small>
      </dd>
    </div>
  );
}

/** How many events met which outcome; each leads to those requests in the log. */
function Outcomes({ outcomes }: { readonly outcomes: Day['outcomes'] }) {
  const met = worstFirst.filter((outcome) => (outcomes[outcome] ?? 0) > 0);
  if (met.length === 0) return null;
  return (
    <div className="stack">
      <h3>Events received</h3>
      <div className="badges">
        {met.map((outcome) => (
          <a key={outcome} href={logHref(`outcome:${outcome} since:1d`)}>
            <OutcomeBadge outcome={outcome} count={outcomes[outcome]} />
          </a>
        ))}
      </div>
    </div>
  );
}

function Legend() {
  return (
    <span className="legend" aria-hidden="true">
      <span>
        <svg aria-hidden="true">
          <rect className="wf-3" width="10" height="10" />
        </svg>
        requests
      </span>
      <span>
        <svg aria-hidden="true">
          <rect className="wf-bad" width="10" height="10" />
        </svg>
        failed
      </span>
    </span>
  );
}
