import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { faultTable } from './run/coverage.ts';
import { type RunResult, runSeed } from './run/run.ts';
import { runSeeds } from './run/seeds.ts';
import { makeDatabases } from './world/makeDatabases.ts';
import { storyText } from './world/story.ts';

const help = `npm run sim -- [--seeds N] [--seed S] [--story] [--json]

The whole protocol in virtual time: real controllers, simulated network, proxies, databases and DMS.

  --seeds N   run N seeds (200, or 1 with --seed)
  --seed S    the first one (a fresh one, which is printed)
  --workers W threads (2)
  --stop-at-first   begin no seed after one has failed
  --story     print what happened in each seed, not only in those that fail
  --json      end with one line of JSON
`;

/** Among so many seeds there are flips; none at all means that something keeps every move from its hold. */
const seedsWithFlips = 20;
/** Lines of a failing seed's story that are shown at most. */
const linesShown = 400;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      workers: { type: 'string', default: '2' },
      'stop-at-first': { type: 'boolean', default: false },
      story: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const first = values.seed === undefined ? randomInt(1, 2 ** 40) : Number(values.seed);
  const count = Number(values.seeds ?? (values.seed === undefined ? 200 : 1));
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || first < 0 || count < 1) {
    console.error(help);
    return 2;
  }
  const startedMs = performance.now();
  const { coverage, failing } =
    count === 1
      ? await alone(first, values.story)
      : await runSeeds(seedsFrom(first, count), {
          workers: Number(values.workers),
          stopAtFirst: values['stop-at-first'],
        });
  const seconds = (performance.now() - startedMs) / 1_000;
  for (const result of failing.slice(0, 3)) tell(result);
  if (count > 1) {
    console.log(
      `seeds ${first} to ${first + count - 1}: ${seconds.toFixed(1)} s, ${coverage.steps} events, ${coverage.acknowledged} writes acknowledged`,
    );
    console.log(
      `flips ${coverage.flips}, rollbacks ${coverage.rollbacks}, aborts ${coverage.aborts}; ends ${JSON.stringify(coverage.ends)}, ${coverage.shared} with a shared route`,
    );
    console.log(`\nfaults by the journal's state\n${faultTable(coverage.faultsIn)}`);
    console.log(`\nfaults by the state in memory\n${faultTable(coverage.faultsDuring)}`);
  }
  if (failing.length > 0) console.log(`failing seeds: ${failing.map(({ seed }) => seed).join(', ')}`);
  if (values.json) {
    const { seeds, steps, crashes, partitions } = coverage;
    const violations = failing.reduce((sum, result) => sum + result.violations.length, 0);
    console.log(
      JSON.stringify({ seeds, steps, crashes, partitions, violations, firstFailingSeed: failing[0]?.seed ?? null }),
    );
  }
  if (count >= seedsWithFlips && coverage.flips === 0 && failing.length === 0) {
    console.error(`no org flipped in ${count} seeds: nothing was proven`);
    return 1;
  }
  return failing.length === 0 ? 0 : 1;
}

function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

async function alone(seed: number, story: boolean) {
  const result = await runSeed(seed, makeDatabases);
  if (story) console.log(storyText(result.story));
  return { coverage: result.coverage, failing: result.violations.length === 0 ? [] : [result] };
}

function tell(result: RunResult): void {
  console.log(`seed ${result.seed} breaks a rule; to see it again: npm run sim -- --seed ${result.seed}`);
  const { story } = result;
  if (story.length > linesShown) console.log(`(${story.length - linesShown} lines before these: --story shows all)`);
  console.log(storyText(story.slice(-linesShown)));
  for (const { rule, message } of result.violations) console.log(`rule ${rule}: ${message}`);
  console.log('');
}

process.exitCode = await main();
