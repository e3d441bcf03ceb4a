import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { BenchResult } from './benchmark.ts';
import { describeGrown, grownBeside } from './compare.ts';
import { benchmarks } from './list.ts';
import { machineNow } from './machine.ts';
import { type Measured, measuredSchema, readResults } from './results.ts';
import { ratiosIn, withFigures } from './table.ts';

const readme = new URL('../../README.md', import.meta.url);

const usage = `npm run bench -- [--only NAME] [--json] [--flips N] [--rows N] [--compare] [--table] [--from FILE]

${benchmarks.map(({ name, about }) => `  ${name.padEnd(12)}${about}`).join('\n')}

  --compare   names every ratio that is half as much again as the README's table has it, and exits with 1 if there is one
  --table     writes the figures into the README's table
  --from      takes the figures from a file that --json has printed, and measures nothing`;

const options = {
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  compare: { type: 'boolean', default: false },
  table: { type: 'boolean', default: false },
  only: { type: 'string' },
  from: { type: 'string' },
  flips: { type: 'string', default: '20' },
  rows: { type: 'string', default: '2000000' },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

async function main(): Promise<number> {
  const { values } = parseArgs({ options });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const fault = faultOf(values);
  if (fault !== null) {
    console.error(fault);
    return 2;
  }
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
  }
  try {
    const results = values.from === undefined ? await measure(values, interrupted.signal) : await earlier(values);
    return await afterwards(values, results);
  } catch (error) {
    if (interrupted.signal.aborted) return 130;
    console.error(error instanceof Error ? (error.stack ?? error.message) : error);
    return 1;
  }
}

/** What is wrong with the arguments; null where nothing is. */
function faultOf({ only, flips, rows }: Values): string | null {
  if (only !== undefined && !benchmarks.some(({ name }) => name === only)) {
    return `there is no benchmark ${only}; there are ${benchmarks.map(({ name }) => name).join(', ')}`;
  }
  if (!Number.isInteger(Number(flips)) || Number(flips) < 2 || Number(flips) % 2 !== 0) {
    return `--flips takes an even number from 2 on, not ${flips}: each org comes back`;
  }
  if (!Number.isInteger(Number(rows)) || Number(rows) < 1_000 || Number(rows) > 100_000_000) {
    return `--rows takes a number from 1000 to 100000000, not ${rows}`;
  }
  return null;
}

async function measure({ only, flips, rows, json }: Values, signal: AbortSignal): Promise<Measured[]> {
  const results: Measured[] = [];
  for (const { name, load } of benchmarks) {
    if (only !== undefined && name !== only) continue;
    const machine = machineNow();
    const benchmark = await load();
    const say = (line: string) => console.error(`${name}: ${line}`);
    const result = { ...(await benchmark.run({ flips: Number(flips), rows: Number(rows), signal, say })), machine };
    print(result, json);
    results.push(measuredSchema.parse(result));
  }
  return results;
}

async function earlier({ from = '', only }: Values): Promise<Measured[]> {
  const results = readResults(await readFile(from, 'utf8'));
  return results.filter(({ name }) => only === undefined || name === only);
}

/** Compares with the table as it was, then writes it anew, where that was asked for. */
async function afterwards({ compare, table }: Values, results: readonly Measured[]): Promise<number> {
  if (!compare && !table) return 0;
  const document = await readFile(readme, 'utf8');
  const grown = compare ? grownBeside(ratiosIn(document), results) : [];
  for (const each of grown) console.error(describeGrown(each));
  if (table) await writeFile(readme, withFigures(document, results));
  return grown.length > 0 ? 1 : 0;
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
