#!/usr/bin/env -S node --max-semi-space-size=8 --heap-growing-percent=20
// By itself Node lets garbage grow to four times what lives: it would be most of what a controller holds in memory.
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Without it two thirds of a start are types being cut out and modules being compiled. It lies with the installation, not
// in a folder that others could write to; where that cannot be written, nothing is kept. Everything else is loaded behind it.
enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/bigdb-cutover', import.meta.url)));
const { standardOutput } = await import('./output.ts');
const { run } = await import('./run.ts');

const argv = process.argv.slice(2);
const stop = new AbortController();
// Only watch waits for somebody to end it; everything else ends as a process does.
if (argv.includes('watch')) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
}
process.exitCode = await run(argv, process.env, standardOutput, stop.signal);
