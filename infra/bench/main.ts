import { parseArgs } from 'node:util';
import { api } from './api/api.ts';
import type { Benchmark, BenchResult } from './benchmark.ts';
import { fence } from './fence/fence.ts';
import { flip } from './flip/flip.ts';
import { verify } from './verify/verify.ts';

const benchmarks: readonly Benchmark[] = [flip, fence, verify, api];

const usage = `npm run bench -- [--only NAME] [--json] [--flips N] [--rows N]

${benchmarks.map(({ name, about }) => `  ${name.padEnd(12)}${about}`).join('\n')}`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      only: { type: 'string' },
      flips: { type: 'string', default: '20' },
      rows: { type: 'string', default: '2000000' },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const chosen = benchmarks.filter(({ name }) => values.only === undefined || name === values.only);
  if (chosen.length === 0) {
    console.error(`there is no benchmark ${values.only}; there are ${benchmarks.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const flips = Number(values.flips);
  if (!Number.isInteger(flips) || flips < 2 || flips % 2 !== 0) {
    console.error(`--flips takes an even number from 2 on, not ${values.flips}: each org comes back`);
    return 2;
  }
  const rows = Number(values.rows);
  if (!Number.isInteger(rows) || rows < 1_000 || rows > 100_000_000) {
    console.error(`--rows takes a number from 1000 to 100000000, not ${values.rows}`);
    return 2;
  }
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
  }
  try {
    for (const benchmark of chosen) {
      const result = await benchmark.run({
        flips,
        rows,
        signal: interrupted.signal,
        say: (line) => console.error(`${benchmark.name}: ${line}`),
      });
      print(result, values.json);
    }
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted) return 130;
    console.error(error instanceof Error ? (error.stack ?? error.message) : error);
    return 1;
  }
}

function print(result: BenchResult, json: boolean): void {
  if (json) {
    console.log(JSON.stringify(result));
    return;
  }
  const { name, value, unit, floor, ratio, ...figures } = result;
  console.log(`${name}: ${value} ${unit}; floor ${floor} ${unit}, ratio ${ratio}`);
  for (const [figure, shown] of Object.entries(figures)) console.log(`  ${figure.padEnd(18)}${JSON.stringify(shown)}`);
}

process.exitCode = await main();
