// `npm run bench`: bundles Hearth and the benchmark, and runs it. Options are bench.ts's.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { buildMain } from '../../main/build.mjs';

const root = join(import.meta.dirname, '../..');
const outdir = join(root, 'dist/bench');

/** @type {import('esbuild').Plugin} */
const outsideOfTests = {
  name: 'outside-of-tests',
  setup({ onResolve }) {
    // Test support cleans up when a test is over; here that is when the benchmark is.
    onResolve({ filter: /\/at-end\.ts$/ }, () => ({ path: join(import.meta.dirname, 'at-end.ts') }));
    // A program by itself, which finds its sources beside it.
    const builder = pathToFileURL(join(root, 'main/build.mjs')).href;
    onResolve({ filter: /\/main\/build\.mjs$/ }, () => ({ path: builder, external: true }));
  },
};

await Promise.all([
  buildMain({ outdir: join(outdir, 'hearth') }),
  build({
    entryPoints: [join(import.meta.dirname, 'bench.ts')],
    outfile: join(outdir, 'bench.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    sourcemap: true,
    logLevel: 'warning',
    plugins: [outsideOfTests],
  }),
]);
const args = ['--enable-source-maps', '--expose-gc', join(outdir, 'bench.mjs'), ...process.argv.slice(2)];
const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {}); // the benchmark ends its servers, and then itself
child.once('exit', (code) => process.exit(code ?? 1));
