import { useTime } from '../clock.ts';
import { absolute, clockTime, day, isSameDay, milliseconds, relative } from '../format.ts';

interface WhenProps {
  /** ms since 1970. */
  readonly ts: number | undefined;
  /** `relative` ticks: `4 min ago`. `clock` is for lists in which order and gaps matter. */
  readonly form?: 'relative' | 'clock' | 'day' | 'full';
}

/** A moment. The whole of it, and in UTC, is shown on hover. */
export function When({ ts, form = 'relative' }: WhenProps) {
  const words = useTime((now) => (ts === undefined ? '—' : inWords(ts, form, now)));
  if (ts === undefined) return <span className="faint">—</span>;
  return (
    <time title={absolute(ts)} dateTime={iso(ts)}>
      {words}
    </time>
  );
}

/** A clock time that shows milliseconds where there is room, and the day where it is not today. */
export function Clock({ ts, precise = false }: { readonly ts: number; readonly precise?: boolean }) {
  const today = useTime((now) => (isSameDay(ts, now) ? '' : `${day(ts, now)} `));
  return (
    <time title={absolute(ts)} dateTime={iso(ts)}>
      {today}
      {clockTime(ts)}
      {precise && today === '' && <span className="ms">{milliseconds(ts)}</span>}
    </time>
  );
}

function inWords(ts: number, form: NonNullable<WhenProps['form']>, now: number): string {
  if (form === 'relative') return relative(ts, now);
  if (form === 'full') return `${day(ts, now)}, ${clockTime(ts)}`;
  return form === 'day' ? day(ts, now) : clockTime(ts);
}

const iso = (ts: number) => (Math.abs(ts) <= 8.64e15 ? new Date(ts).toISOString() : undefined);
