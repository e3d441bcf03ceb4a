import type { EffectRun } from '../driver/handlers.ts';
import { CutoverError, SidesDifferError, SitesDifferError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import { readSchema } from '../estate/schema.ts';
import type { TableShape } from '../ports/place.ts';
import { withOpenKeys } from '../verification/index.ts';
import { twoSites } from './between.ts';
import { compareLive, type LiveResult, type SampleRow } from './live.ts';
import { isRequested, readVerification, type StoredVerification, whyNotProven } from './record.ts';
import { repairDifferences } from './repair.ts';

/** Stores what a comparison found, for the side that serves and the task of now. */
export async function storeVerification(
  estate: Estate,
  run: Pick<EffectRun, 'migration' | 'note'>,
  kind: StoredVerification['kind'],
  startedAtMs: number,
  result: Omit<LiveResult, 'differing'>,
): Promise<StoredVerification> {
  const { migration } = run;
  const verification: StoredVerification = {
    outcome: result.mismatches === 0 ? 'equal' : 'different',
    kind,
    rows: result.rows,
    mismatches: result.mismatches,
    exact: result.exact,
    at: new Date(estate.clock.nowMs()).toISOString(),
    startedAt: new Date(startedAtMs).toISOString(),
    sample: withOpenKeys(result.sample, await shapesFor(estate, run, result.sample.length)),
    sampleRows: result.sampleRows.map(refOf),
    generation: migration.generation,
    serving: migration.serving,
  };
  await estate.store.putRecord(migration.migrationId, 'verification', verification);
  const { sampleRows: _, ...shown } = verification;
  const sample = shown.sample.slice(0, 10);
  run.note(`compared ${result.rows} rows: ${result.mismatches} differ`, { ...shown, sample });
  return verification;
}

/** What says which keys may be shown; none where the sides do not answer: then no key is. */
async function shapesFor(
  estate: Estate,
  { migration }: Pick<EffectRun, 'migration'>,
  mismatches: number,
): Promise<readonly TableShape[]> {
  if (mismatches === 0) return [];
  try {
    return (await readSchema(estate, migration.homeRegion)).cluster.shapes;
  } catch (error) {
    if (!(error instanceof CutoverError)) throw error;
    return [];
  }
}

function refOf(row: SampleRow): StoredVerification['sampleRows'][number] {
  const { source, target } = row;
  return { ...row, source: source === null ? null : [...source], target: target === null ? null : [...target] };
}

/** The sites have the same rows: what one lacks does not travel to the cluster, or is lost with that site. */
async function withOtherSites(
  estate: Estate,
  run: EffectRun,
  signal: AbortSignal,
  result: LiveResult,
): Promise<LiveResult> {
  const [, ...others] = estate.sites;
  let all = result;
  for (const other of others) {
    const between = twoSites(estate, run.migration, other);
    const found = await compareLive(estate, run, signal, between);
    all = {
      ...all,
      mismatches: all.mismatches + found.mismatches,
      exact: all.exact && found.exact,
      sample: [...all.sample, ...found.sample.map((mismatch) => ({ ...mismatch, otherSite: other.name }))],
      sampleRows: [...all.sampleRows, ...found.sampleRows.map((row) => ({ ...row, otherSite: other.name }))],
      differing: null,
    };
  }
  return all;
}

/** Compares the live sides when it is this org's turn, and stores what was found. */
export async function proveNow(estate: Estate, run: EffectRun, signal: AbortSignal): Promise<StoredVerification> {
  run.waitsFor('its turn to be compared');
  return estate.comparisons.inTurn(signal, async () => {
    const startedAtMs = estate.clock.nowMs();
    const last = await readVerification(estate.store, run.migration.migrationId);
    const repairs = await isRequested(estate.store, run.migration.migrationId, last, 'repair');
    let result = await compareLive(estate, run, signal);
    if (repairs && result.mismatches > 0) {
      if (result.differing === null) {
        run.note('so much differs that rows are not repaired one by one: let the org be loaded anew');
      } else {
        await repairDifferences(estate, run, result.differing, signal);
        result = await compareLive(estate, run, signal);
      }
    }
    // While the sites serve, clients write at each of them, and the task reads one.
    if (run.migration.serving === 'source' && result.mismatches === 0) {
      result = await withOtherSites(estate, run, signal, result);
    }
    return storeVerification(estate, run, 'live', startedAtMs, result);
  });
}

/** The last result where it counts, else a new one. Throws `SidesDifferError`, `SitesDifferError`. */
export async function assertProven(estate: Estate, run: EffectRun): Promise<StoredVerification> {
  const { migration, signal } = run;
  const last = await readVerification(estate.store, migration.migrationId);
  const asked = await isRequested(estate.store, migration.migrationId, last);
  if (last !== null && !asked && whyNotProven(last, migration, estate.clock.nowMs()) === null) return last;
  const now = await proveNow(estate, run, signal);
  if (now.outcome !== 'equal') throw differ(run.migration.orgId, now);
  return now;
}

export function differ(
  orgId: number,
  { mismatches, rows, sample }: StoredVerification,
): SidesDifferError | SitesDifferError {
  const some = sample.slice(0, 10);
  const betweenSites = some.some(({ otherSite }) => otherSite !== undefined);
  return betweenSites
    ? new SitesDifferError(orgId, mismatches, rows, some)
    : new SidesDifferError(orgId, mismatches, rows, some);
}
