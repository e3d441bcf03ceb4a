import type { EffectRun } from '../driver/handlers.ts';
import type { Clock } from '../ports/clock.ts';
import type { ComparisonResult } from '../verification/index.ts';

/** Live sides move: a row counts as different only when it was so in this many looks in a row. */
const looks = 5;
const everyMs = 1_000;

/**
 * Looks at live sides until they agree, or until what differs has stayed: at any moment some rows are on their way, but
 * not the same ones all the time. Where so much differs that not every row is named, the count of the last look stands.
 */
export async function untilStill(
  clock: Clock,
  run: Pick<EffectRun, 'signal' | 'waitsFor'>,
  look: () => Promise<ComparisonResult>,
): Promise<ComparisonResult> {
  let staying: ReadonlySet<string> | null = null;
  for (let looked = 1; ; looked++) {
    const result = await look();
    const named = result.sample.length === result.mismatches;
    if (named) {
      const now = new Set(result.sample.map(nameOf));
      staying = staying === null ? now : intersection(staying, now);
    }
    if (staying?.size === 0) return { ...result, mismatches: 0, sample: [] };
    if (looked >= looks) return named && staying !== null ? only(result, staying) : result;
    run.waitsFor(`${result.mismatches} rows that differ between the live sides to agree`);
    await clock.sleep(everyMs, run.signal);
  }
}

function intersection(one: ReadonlySet<string>, other: ReadonlySet<string>): Set<string> {
  return new Set([...one].filter((name) => other.has(name)));
}

function only(result: ComparisonResult, staying: ReadonlySet<string>): ComparisonResult {
  const sample = result.sample.filter((mismatch) => staying.has(nameOf(mismatch)));
  return { ...result, mismatches: sample.length, sample };
}

function nameOf({ table, key }: ComparisonResult['sample'][number]): string {
  return JSON.stringify([table, key]);
}
