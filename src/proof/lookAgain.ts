import type { EffectRun } from '../driver/handlers.ts';
import type { Estate } from '../estate/estate.ts';
import { describeLook, judge, lookAtRows, type Mismatch, SUSPECTED, type Suspicion } from '../verification/index.ts';
import type { Between } from './between.ts';
import type { Suspect } from './notes.ts';

/** Mismatches that are described. */
const sampleLimit = 100;

/** What was left of the rows that were not the same at their first look. */
export interface Suspected {
  readonly differing: number;
  readonly sample: readonly Mismatch[];
  readonly rows: readonly Suspect[];
}

/**
 * Looks at these rows again, and at no others, each time after everything that the leading side had at the last look
 * has arrived at the other: proven by a heartbeat that was sent later, not by a wait.
 */
export async function lookAgain(
  estate: Estate,
  run: EffectRun,
  suspects: readonly Suspect[],
  signal: AbortSignal,
  between: Between,
): Promise<Suspected> {
  const { orgId } = run.migration;
  let open = new Map<Suspect, Suspicion>(suspects.map((suspect) => [suspect, SUSPECTED]));
  const sample: Mismatch[] = [];
  const differing: Suspect[] = [];
  while (open.size > 0) {
    run.waitsFor(`the comparison: ${open.size} rows that are not the same are looked at again`);
    const rows = [...open.keys()];
    const looks = await between.withViews(signal, async (views) =>
      lookAtRows({
        ...(await between.sides(views)),
        tables: estate.tables,
        orgId,
        rows,
        signal,
      }),
    );
    const still = new Map<Suspect, Suspicion>();
    for (const [i, suspect] of rows.entries()) {
      const look = looks[i] ?? { source: null, target: null };
      const verdict = judge(open.get(suspect) ?? SUSPECTED, look, between.leads);
      if (verdict === 'agrees') continue;
      if (verdict === 'differs') {
        differing.push(suspect);
        if (sample.length < sampleLimit) {
          sample.push({ ...describeLook(look), table: suspect.table, key: { ...suspect.key } });
        }
      } else {
        still.set(suspect, verdict);
      }
    }
    open = still;
    if (open.size > 0) await between.arrival(run, signal);
  }
  return { differing: differing.length, sample, rows: differing };
}
