import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createTestCa } from '../support/certificates.ts';
import { noSynapse } from '../support/synapse.ts';
import { end } from './at-end.ts';
import { type Load, loads } from './loads.ts';
import { type Measure, median, type Sample } from './measure.ts';
import { type MicroResult, micro, recordingName } from './micro.ts';
import { type Bench, startBench } from './servers.ts';

const names = loads.map(({ name }) => name);
const help = `npm run bench -- [options]   measures Hearth, and a real Synapse beside it in the same run

  --rounds N       how often each load is put on each server, after one round to warm up (default 3)
  --only A,B       these loads alone: ${names.join(', ')}, micro
  --hearth-only    no Synapse

${loads.map(({ name, what }) => `  ${name.padEnd(8)} ${what}`).join('\n')}
  micro    parts of Hearth by themselves

Synapse is found by HEARTH_TEST_SYNAPSE, a virtual environment. Results go to .cache/bench as JSON.
`;

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    'hearth-only': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** What each server did, by measure: a value for each round. */
type Results = Map<string, { readonly measure: Measure; readonly values: Map<Bench['name'], number[]> }>;

const rounds = Number(options.rounds);
const wanted = options.only?.split(',') ?? [...names, 'micro'];
const say = (text: string) => void process.stdout.write(`${text}\n`);

async function compare(chosen: readonly Load[], skipped: string[]): Promise<Results> {
  if (chosen.length === 0) return new Map();
  const ca = await createTestCa();
  const entry = join(import.meta.dirname, 'hearth/headless.cjs');
  const benches = [await startBench('Hearth', ca, entry)];
  const why = options['hearth-only'] ? '--hearth-only' : noSynapse;
  if (why === undefined) benches.push(await startBench('Synapse', ca, entry));
  else skipped.push(`Synapse: ${why}`);

  const results: Results = new Map();
  const keep = (name: Bench['name'], samples: readonly Sample[]) => {
    for (const [measure, value] of samples) {
      const row = results.get(measure.name) ?? { measure, values: new Map() };
      results.set(measure.name, row);
      row.values.set(name, [...(row.values.get(name) ?? []), value]);
    }
  };
  for (const load of chosen) {
    for (let round = 0; round <= rounds; round++) {
      // Whoever comes second finds a machine that has just been busy: they take turns. The first round is to warm up.
      for (const bench of round % 2 === 0 ? benches : [...benches].reverse()) {
        try {
          const samples = await load.run(bench);
          if (round > 0) keep(bench.name, samples);
          const shown = samples.map(([{ name, unit }, value]) => `${name} ${show(value)} ${unit}`).join(', ');
          say(`${bench.name}, ${round === 0 ? 'warm-up' : `round ${round}`}: ${shown}`);
        } catch (error) {
          skipped.push(`${load.name} on ${bench.name}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    }
  }
  return results;
}

const show = (value: number) => value.toFixed(value < 1 ? 3 : value < 10 ? 2 : value < 1000 ? 1 : 0);

function table(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

/** How many times better Hearth is, by the medians. */
function compared(results: Results): string {
  const lines = [...results.values()].map(({ measure: { name, unit, better }, values }) => {
    const cell = (server: Bench['name']) => {
      const all = values.get(server) ?? [];
      return all.length === 0 ? '–' : `${show(median(all))} (${show(Math.min(...all))}–${show(Math.max(...all))})`;
    };
    const [ours, theirs] = [median(values.get('Hearth') ?? []), median(values.get('Synapse') ?? [])];
    const ratio = better === 'higher' ? ours / theirs : theirs / ours;
    return [name, unit, cell('Hearth'), cell('Synapse'), Number.isFinite(ratio) ? `${show(ratio)} ×` : '–'];
  });
  return table([['median (lowest–highest)', '', 'Hearth', 'Synapse', 'Hearth is better by'], ...lines]);
}

function alone(results: readonly MicroResult[], macro: Results): string {
  const lines = results.map(({ name, unit, value }) => [name, unit, show(value)]);
  const recording = results.find(({ name }) => name === recordingName)?.value;
  const ingest = macro.get('ingest, 1 room: CPU')?.values.get('Hearth');
  if (recording !== undefined && ingest !== undefined) {
    lines.push(['inspector: its share of taking in a PDU', '%', show((100 * recording) / median(ingest))]);
  }
  return table([['Hearth’s parts', '', 'median'], ...lines]);
}

async function main(): Promise<void> {
  if (options.help) return say(help);
  const unknown = wanted.filter((name) => name !== 'micro' && !names.includes(name));
  if (unknown.length > 0 || !(rounds >= 1)) throw new Error(`there is no load ${unknown.join(', ')}\n\n${help}`);
  const left = [...names, 'micro'].filter((name) => !wanted.includes(name));
  const skipped: string[] = left.length === 0 ? [] : [`not asked for: ${left.join(', ')}`];
  const machine = {
    cpu: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.version,
    loadBefore: loadavg(),
    commit: commit(),
  };
  say(`${machine.cpu}, ${machine.memoryGb} GB, Node ${machine.node}, load ${machine.loadBefore.map(show).join(' ')}`);

  const parts = wanted.includes('micro') ? await micro() : [];
  const results = await compare(
    loads.filter(({ name }) => wanted.includes(name)),
    skipped,
  );
  if (results.size > 0) say(`\n${compared(results)}\n`);
  if (parts.length > 0) say(`${alone(parts, results)}\n`);
  say(skipped.length === 0 ? 'Nothing was skipped.' : `Skipped:\n  ${skipped.join('\n  ')}`);
  say(`${rounds} rounds each after one to warm up, taking turns; peer and servers share this machine.`);

  const folder = join(import.meta.dirname, '../../.cache/bench');
  mkdirSync(folder, { recursive: true });
  const at = new Date().toISOString();
  const path = join(folder, `${at.replaceAll(':', '-')}.json`);
  const rows = [...results.values()].map(({ measure, values }) => ({ ...measure, values: Object.fromEntries(values) }));
  writeFileSync(path, JSON.stringify({ at, machine, rounds, results: rows, parts, skipped }, null, 2));
  say(path);
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void end().then(() => process.exit(130)));
try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await end();
}
process.exit();
