import { useContext } from 'react';
import { AxisContext } from '../../components/waterfall.tsx';
import { clockTime, took } from '../../format.ts';

/** What the axis spans: when it begins, and how long it is. */
export function WaterfallHead() {
  const { start, end } = useContext(AxisContext);
  if (start === 0) return <span className="sr">Waterfall</span>;
  return (
    <span className="wf-head">
      <span className="sr">Waterfall from </span>
      <span>{clockTime(start)}</span>
      <span>+{took(end - start)}</span>
    </span>
  );
}
