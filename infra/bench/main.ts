import { parseArgs } from 'node:util';
import type { Benchmark, BenchResult } from './benchmark.ts';

/** Loaded when run: what the others need would stand in the memory that one of them measures. */
const benchmarks: readonly { name: string; about: string; load(): Promise<Benchmark> }[] = [
  {
    name: 'flip',
    about: 'write pause of an org seen by its clients: 16 writers, 4 readers, 4 proxies, 2 sites',
    load: async () => (await import('./flip/flip.ts')).flip,
  },
  {
    name: 'fence',
    about: 'cost of the triggers per write: single rows, 1,000-row inserts, 16 writers on one org',
    load: async () => (await import('./fence/fence.ts')).fence,
  },
  {
    name: 'verify',
    about: 'rows per second of the comparison: call logs of 300 bytes at a site and a cluster',
    load: async () => (await import('./verify/verify.ts')).verify,
  },
  {
    name: 'proof',
    about:
      'write pause of a flip whose cutover point is compared, beside the same flip without: as `flip`, turn by turn',
    load: async () => (await import('./proof/proof.ts')).proof,
  },
  {
    name: 'api',
    about: 'answers per second to 1,000 pollers, 10,000 migrations in the store',
    load: async () => (await import('./api/api.ts')).api,
  },
];

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
    for (const { load } of chosen) {
      const benchmark = await load();
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
