#!/usr/bin/env node
import { standardOutput } from './output.ts';
import { run } from './run.ts';

const argv = process.argv.slice(2);
const stop = new AbortController();
// Only watch waits for somebody to end it; everything else ends as a process does.
if (argv.includes('watch')) {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
}
process.exitCode = await run(argv, process.env, standardOutput, stop.signal);
