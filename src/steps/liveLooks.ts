import type { EffectRun } from '../driver/handlers.ts';
import type { Clock } from '../ports/clock.ts';
import type { RowLook } from '../verification/index.ts';

/** A row counts as different only when it was so, and stood still at the source, in this many looks in a row. */
const looksInARow = 5;
const everyMs = 1_000;

/** A row that stayed different, as it was at the last look. */
export interface StillDifferent<Row> {
  readonly row: Row;
  readonly look: RowLook;
}

/**
 * Looks at rows again, and at no others, until each agrees or has stayed different. The cluster stands still and clients
 * write at the source: a row that changes there between two looks has been written since, and differs for that reason.
 */
export async function untilStill<Row>(
  clock: Clock,
  run: Pick<EffectRun, 'signal' | 'waitsFor'>,
  rows: readonly Row[],
  look: (rows: readonly Row[]) => Promise<readonly RowLook[]>,
): Promise<StillDifferent<Row>[]> {
  let open: StillDifferent<Row>[] = [];
  for (let looked = 1; looked <= looksInARow; looked++) {
    const asked: readonly Row[] = looked === 1 ? rows : open.map(({ row }) => row);
    if (asked.length === 0) return [];
    const looks = await look(asked);
    const before = open;
    open = asked.flatMap((row, i) => {
      const now = looks[i] ?? { source: null, target: null };
      const last = before[i]?.look.source;
      // What only the source has was born there since.
      const agrees = now.target === null || textOf(now.source) === textOf(now.target);
      const isWritten = last !== undefined && textOf(last) !== textOf(now.source);
      return agrees || isWritten ? [] : [{ row, look: now }];
    });
    if (open.length === 0 || looked === looksInARow) return open;
    run.waitsFor(`${open.length} rows that differ between the live sides to agree`);
    await clock.sleep(everyMs, run.signal);
  }
  return open;
}

function textOf(columns: RowLook['source']): string {
  return columns === null ? 'absent' : JSON.stringify(Object.entries(columns).sort(([a], [b]) => (a < b ? -1 : 1)));
}
