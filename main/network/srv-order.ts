import type { SrvRecord } from '../platform.ts';

/**
 * The order in which targets are to be tried: lower priority first, among equals by chance and weight, as RFC 2782 has it.
 * `chance` gives numbers from 0 up to but not including 1.
 */
export function srvOrder(records: readonly SrvRecord[], chance: () => number): readonly SrvRecord[] {
  const ordered: SrvRecord[] = [];
  for (const priority of [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b)) {
    const left = records.filter((record) => record.priority === priority).sort((a, b) => a.weight - b.weight);
    while (left.length > 0) {
      const total = left.reduce((sum, { weight }) => sum + weight, 0);
      let remaining = Math.floor(chance() * (total + 1)); // a weight of 0 has a small chance, too
      const index = left.findIndex(({ weight }) => {
        remaining -= weight;
        return remaining <= 0;
      });
      ordered.push(...left.splice(Math.max(index, 0), 1));
    }
  }
  return ordered;
}
