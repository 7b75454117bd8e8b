import type { Overview } from '../../shared/views.ts';
import { clockTime, count } from '../format.ts';

/** The chart's numbers, for those whom a table serves better. */
export function RequestsTable({ perHour }: { readonly perHour: Overview['federation24h']['perHour'] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and a keyboard must be able to
    <section className="scroll-table" tabIndex={0} aria-label="Requests over 24 hours">
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col" className="num">
              Requests
            </th>
            <th scope="col" className="num">
              Failed
            </th>
          </tr>
        </thead>
        <tbody>
          {perHour.map(({ start, requests, failed }) => (
            <tr key={start}>
              <td>{clockTime(start).slice(0, 5)}</td>
              <td className="num">{count(requests)}</td>
              <td className="num">{count(failed)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
