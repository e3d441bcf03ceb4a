import { describe, expect, it } from 'vitest';
import { untilStill } from '../../src/steps/liveLooks.ts';
import type { ComparisonResult } from '../../src/verification/index.ts';
import { FakeClock } from '../soaking/fakeClock.ts';

/** What a look finds that differs: rows by their keys, or a number where there are too many to name them. */
type Found = readonly string[] | number;

function resultOf(found: Found): ComparisonResult {
  const sample = (typeof found === 'number' ? [] : found).map((id) => ({
    kind: 'extra' as const,
    table: 'CdrTasks',
    key: { TaskID: id },
    columns: [],
  }));
  return {
    rows: 1_000,
    tables: [],
    mismatches: typeof found === 'number' ? found : found.length,
    exact: true,
    sample,
    sampleRows: [],
  };
}

async function afterLooks(...looks: readonly Found[]): Promise<{ looked: number; mismatches: number; ids: string[] }> {
  const clock = new FakeClock();
  let looked = 0;
  const run = { signal: new AbortController().signal, waitsFor: () => {} };
  const still = untilStill(clock, run, async () => resultOf(looks[looked++] ?? []));
  await clock.advance(60_000);
  const { mismatches, sample } = await still;
  return { looked, mismatches, ids: sample.map(({ key }) => String(key.TaskID)) };
}

describe('live sides that are compared', () => {
  it('are equal at the first look that finds nothing', async () => {
    expect(await afterLooks(['1'], [])).toEqual({ looked: 2, mismatches: 0, ids: [] });
  });

  it('are equal when each look finds other rows: they were on their way', async () => {
    expect(await afterLooks(['1', '2'], ['3', '4'])).toEqual({ looked: 2, mismatches: 0, ids: [] });
    expect(await afterLooks(['1', '2'], ['2', '3'], ['3', '4'])).toEqual({ looked: 3, mismatches: 0, ids: [] });
  });

  it('differ in the rows that every look has found', async () => {
    expect(await afterLooks(['1', '9'], ['2', '9'], ['3', '9'], ['4', '9'], ['5', '9'])).toEqual({
      looked: 5,
      mismatches: 1,
      ids: ['9'],
    });
  });

  it('differ by the last count where there are too many rows to name them', async () => {
    expect(await afterLooks(5_000, 4_000, 3_000, 2_000, 1_000)).toEqual({ looked: 5, mismatches: 1_000, ids: [] });
  });
});
