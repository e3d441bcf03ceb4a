import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { states } from '../world/choice.ts';
import { storyText } from '../world/story.ts';
import { faultTable } from './coverage.ts';
import { runSeeds, type SeedsResult } from './seeds.ts';

/** The same seeds each time: every state has its turn four times, the last of them with the store away for a minute. */
const known = Array.from({ length: 4 * states.length }, (_, index) => index);
/** And others, which are printed: what one of them finds can be repeated. */
const freshCount = 40;
const firstFresh = randomInt(1_000, 2 ** 40);
const fresh = Array.from({ length: freshCount }, (_, index) => firstFresh + index);
const patienceMs = 900_000;

/** Where the simulation does not go (CONTRIBUTING.md says why). Their tests: e2e/acceptLoss and soaking/schemaDrift. */
const leftToTheLab = ['drifted', 'rollingBack.detaching', 'rollingBack.exporting', 'rollingBack.exportingLast'];

let result: SeedsResult;
beforeAll(async () => {
  console.log(`seeds ${known[0]} to ${known.at(-1)}, and fresh ones: ${firstFresh} to ${fresh.at(-1)}`);
  result = await runSeeds([...known, ...fresh], { workers: 2 });
}, patienceMs);
afterAll(() => {
  if (result === undefined) return;
  const { steps, flips, rollbacks, aborts, crashes, partitions, acknowledged, faultsIn, faultsDuring } =
    result.coverage;
  console.log(
    [
      `${steps} events, ${acknowledged} writes, ${flips} flips, ${rollbacks} rollbacks, ${aborts} aborts, ${crashes} crashes, ${partitions} partitions`,
      `faults by the journal's state\n${faultTable(faultsIn)}`,
      `faults by the state in memory\n${faultTable(faultsDuring)}`,
    ].join('\n\n'),
  );
});

it('no seed breaks a rule', () => {
  const told = result.failing.map(({ seed, violations, story }) =>
    [
      `seed ${seed}; to see it again: npm run sim -- --seed ${seed}`,
      ...violations.map(({ rule, message }) => `rule ${rule}: ${message}`),
      storyText(story.slice(-60)),
    ].join('\n'),
  );
  expect(told.join('\n\n')).toBe('');
  expect(result.coverage.seeds).toBe(known.length + freshCount);
});

it('flips, ways back and aborts are among what was run, with clients that write', () => {
  const { flips, rollbacks, aborts, acknowledged } = result.coverage;
  expect(Math.min(flips, rollbacks, aborts)).toBeGreaterThan(10);
  expect(acknowledged).toBeGreaterThan(10_000);
});

/** Further seeds of a state's turn, where something else ended the moves of all before. */
const moreTurns = 12;

it('a controller died in every state, but for those that are left to the lab', { timeout: patienceMs }, async () => {
  const crashesIn = (state: string, { coverage }: SeedsResult) => coverage.faultsDuring[state]?.crash ?? 0;
  const missed: string[] = [];
  for (const [index, state] of states.entries()) {
    if (crashesIn(state, result) > 0 || leftToTheLab.includes(state)) continue;
    const turns = Array.from({ length: moreTurns }, (_, turn) => known.length + index + turn * states.length);
    const more = await runSeeds(turns, { workers: 2 });
    expect(more.failing.map(({ seed }) => seed)).toEqual([]);
    if (crashesIn(state, more) === 0) missed.push(state);
  }
  expect(missed).toEqual([]);
});
