import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Overview } from '../shared/views.ts';
import type { Clock } from './platform.ts';

const resolutionMs = 100; // ten wake-ups a second are not felt on a battery
const windowMs = 3_600_000;

/** Measures how long work waits for its turn; tells of the last hour at most. */
export function watchEventLoop(clock: Clock): () => Overview['eventLoop'] {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let since = clock.now();
  // It counts from one look to the next, in nanoseconds: what goes beyond the resolution is delay.
  const delayMs = (ns: number) => Math.max(0, Math.round(ns / 1e6) - resolutionMs);
  return () => {
    const read = { p99Ms: delayMs(histogram.percentile(99)), maxMs: delayMs(histogram.max) };
    if (clock.now() - since >= windowMs) {
      histogram.reset();
      since = clock.now();
    }
    return read;
  };
}
