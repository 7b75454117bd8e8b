import { readFileSync } from 'node:fs';

/** One number of one run: lower is better, unless it is a rate. */
export interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
}

export type Sample = readonly [measure: Measure, value: number];

/** Ticks of the kernel's clock in a second; 100 on every Linux that Node runs on. */
const ticks = 100;

/** What a process has used of all cores so far, its threads included. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // its name may hold blanks
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticks;
}

/** Of physical memory. */
export function residentMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return (low + high) / 2;
}

/** How long it takes, in milliseconds. */
export async function timed<T>(work: () => Promise<T> | T): Promise<[ms: number, result: T]> {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
}
