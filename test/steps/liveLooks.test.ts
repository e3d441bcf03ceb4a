import { describe, expect, it } from 'vitest';
import { untilStill } from '../../src/steps/liveLooks.ts';
import type { RowLook } from '../../src/verification/index.ts';
import { FakeClock } from '../soaking/fakeClock.ts';

/** What the source has of a row at each look, where the cluster has `c`; null is no row. The last stands from then on. */
type Seen = readonly (string | null)[];

async function afterLooks(rows: Readonly<Record<string, Seen>>, atCluster: string | null = 'c') {
  const clock = new FakeClock();
  let looked = 0;
  const run = { signal: new AbortController().signal, waitsFor: () => {} };
  const columns = (value: string | null) => (value === null ? null : { V: value });
  const still = untilStill(clock, run, Object.keys(rows), async (names): Promise<RowLook[]> => {
    looked++;
    return names.map((name) => {
      const seen = rows[name] ?? [];
      return { source: columns(seen[Math.min(looked, seen.length) - 1] ?? null), target: columns(atCluster) };
    });
  });
  await clock.advance(60_000);
  return { looked, differ: (await still).map(({ row }) => row) };
}

describe('rows that differ after a way back, while clients write at the source', () => {
  it('are none without any, and no look is made', async () => {
    expect(await afterLooks({})).toEqual({ looked: 0, differ: [] });
  });

  it('agree at the first look that finds them equal', async () => {
    expect(await afterLooks({ a: ['x', 'c'] })).toEqual({ looked: 2, differ: [] });
  });

  it('are not those that are written there all the time, or now and then', async () => {
    expect(await afterLooks({ hot: ['1', '2', '3', '4', '5'], once: ['1', '1', '1', '2'] })).toEqual({
      looked: 4,
      differ: [],
    });
  });

  it('are not those that are deleted there meanwhile, or made anew', async () => {
    expect(await afterLooks({ deleted: ['1', null], anew: [null, '1'] })).toEqual({ looked: 2, differ: [] });
  });

  it('are those that stand still, changed or missing', async () => {
    expect(await afterLooks({ hot: ['1', '2'], lost: [null], changed: ['x'] })).toEqual({
      looked: 5,
      differ: ['lost', 'changed'],
    });
  });

  it('are not those that only the source has', async () => {
    expect(await afterLooks({ born: ['1'] }, null)).toEqual({ looked: 1, differ: [] });
  });
});
