import type { Overview } from '../../shared/views.ts';
import { clockTime, count } from '../format.ts';

interface RequestsChartProps {
  readonly perHour: Overview['federation24h']['perHour'];
}

const [left, right, top, bottom] = [30, 640, 6.5, 86.5];

/** Requests over a day, the failed ones on top. The same numbers are there as a table. */
export function RequestsChart({ perHour }: RequestsChartProps) {
  const most = niceCeiling(Math.max(...perHour.map(({ requests }) => requests), 1));
  const step = (right - left) / Math.max(1, perHour.length);
  const height = (n: number) => ((bottom - top) * n) / most;
  const every = Math.max(1, Math.ceil(perHour.length / 4));
  return (
    <svg className="chart" viewBox="0 0 640 108" role="img" aria-label="Requests over 24 hours; also as a table">
      {[most, most / 2, 0].map((value) => (
        <g key={value}>
          <line className="grid" x1={left} x2={right} y1={bottom - height(value)} y2={bottom - height(value)} />
          <text x={left - 6} y={bottom - height(value) + 3.5} textAnchor="end">
            {count(value)}
          </text>
        </g>
      ))}
      {perHour.map(({ start, requests, failed }, index) => {
        const x = left + 2 + index * step;
        const good = height(requests - failed);
        return (
          <g key={start}>
            <rect className="good" x={x} y={bottom - good} width={Math.max(1, step - 2)} height={good} />
            {failed > 0 && (
              <rect
                className="err"
                x={x}
                y={bottom - good - height(failed) - 1}
                width={Math.max(1, step - 2)}
                height={Math.max(1.5, height(failed))}
              />
            )}
            {index % every === 0 && (
              <text x={x} y="104">
                {clockTime(start).slice(0, 5)}
              </text>
            )}
          </g>
        );
      })}
      <text x={right} y="104" textAnchor="end">
        now
      </text>
    </svg>
  );
}

/** The next of 2, 4, 6, 10, 20, …: even, so that its half is whole. */
export function niceCeiling(n: number): number {
  const power = 10 ** Math.floor(Math.log10(n));
  const step = [1, 2, 4, 6, 10].find((each) => each * power >= n && (each * power) % 2 === 0) ?? 20;
  return step * power;
}
