/** `2 d 3 h`, `3 h 5 min`, `5 min`, `12 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [d, h, min] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (d > 0) return h > 0 ? `${d} d ${h} h` : `${d} d`;
  if (h > 0) return min > 0 ? `${h} h ${min} min` : `${h} h`;
  return min > 0 ? `${min} min` : `${seconds} s`;
}

/** How long a request took: `<1 ms`, `4 ms`, `1.2 s`, `75 s`, `12 min`. */
export function took(ms: number): string {
  if (ms < 0.5) return '<1 ms';
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}

/** `241 B`, `3.2 kB`, `71 kB`, `1.9 GB`: thousands, as disks are sold. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  const power = Math.min(4, Math.floor(Math.log10(n) / 3));
  const value = n / 1000 ** power;
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}

export const count = (n: number): string => n.toLocaleString('en');

/** `1 event`, `2 events`. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** As a sentence begins. */
export const upperFirst = (words: string): string => words.slice(0, 1).toUpperCase() + words.slice(1);

/** Never 100 % for what is not all, never 0 % for what is not nothing. */
export function percent(share: number): string {
  if (share === 0 || share === 1) return `${share * 100} %`;
  return `${Math.min(99.9, Math.max(0.1, Math.round(share * 1000) / 10))} %`;
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const utcClock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: 'UTC' });
const weekdayAndDay = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
});
const dayAndMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const dayMonthYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

/** A time that a peer wrote may be none at all. */
const isTime = (ts: number) => Math.abs(ts) <= 8.64e15;

/** `14:32:28`, in the owner's zone. */
export const clockTime = (ts: number): string => (isTime(ts) ? clock.format(ts) : '—');
export const milliseconds = (ts: number): string => `.${String(((ts % 1000) + 1000) % 1000).padStart(3, '0')}`;

/** `Fri, 20 Nov 2026, 14:28:11 (13:28:11 UTC)`: what stands behind every shorter form. */
export function absolute(ts: number): string {
  if (!isTime(ts)) return `${ts} is no time`;
  return `${weekdayAndDay.format(ts)}, ${clock.format(ts)} (${utcClock.format(ts)} UTC)`;
}

/** `22 Nov`, with the year where it is not `now`'s. */
export function day(ts: number, now: number): string {
  if (!isTime(ts)) return '—';
  const sameYear = new Date(ts).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? dayAndMonth : dayMonthYear).format(ts);
}

export const isSameDay = (a: number, b: number): boolean => new Date(a).toDateString() === new Date(b).toDateString();

/** `now`, `4 min ago`, `in 41 min`; beyond a month the day. */
export function relative(ts: number, now: number): string {
  const distance = Math.abs(now - ts);
  if (!isTime(ts) || distance > 30 * 86_400_000) return day(ts, now);
  if (distance < 2_000) return 'now';
  return ts > now ? `in ${roughly(distance, true)}` : `${roughly(distance, false)} ago`;
}

/** One unit; for what one waits for, the minutes of hours too: `41 min`, `3 h 12 min`, `6 days`. */
function roughly(ms: number, precise: boolean): string {
  const min = Math.floor(ms / 60_000);
  if (min < 1) return `${Math.floor(ms / 1000)} s`;
  if (min < 60 || (precise && min < 600)) return duration(min * 60_000);
  return min < 48 * 60 ? `${Math.floor(min / 60)} h` : `${Math.floor(min / 1440)} days`;
}
