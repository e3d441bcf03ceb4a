import { policyDefaults } from '../config/index.ts';
import type { EffectRun } from '../driver/handlers.ts';
import { LagBreachedError } from '../errors/index.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import { assertTaskHealthy } from '../estate/taskHealth.ts';
import type { TableCount } from '../ports/place.ts';
import { assertProven } from '../proof/prove.ts';
import { isDifference, untilAskedAgain, watchProof } from '../proof/watch.ts';
import { assertNoDrift } from '../soaking/schemaDrift.ts';

/** Time between two samples of the gate (milliseconds): one beat apart around a flip. */
const sampleEveryMs = 120;
/** A sample older than this is a missing one (milliseconds). */
const freshMs = 3_000;
/** Counts of a live org are asked this often until they agree (milliseconds). */
const countsEveryMs = 250;

/** Rows that differ are compared again after so long, if nobody asks sooner (milliseconds). */
const blockedForMs = 60_000;

/**
 * Passes when the lag stayed under the gate for N samples in a row, every table is healthy, the counts agree, and so do
 * all rows.
 */
export async function checkLag(estate: Estate, run: EffectRun): Promise<{ lagMs: number }> {
  const { orgId, policy } = run.migration;
  for (let passed = 0, lastAtMs = 0; ; ) {
    await assertTaskHealthy(estate, run);
    const sample = estate.heartbeats.lag(orgId);
    // A missing sample neither passes nor fails; the same one does not count twice.
    if (sample !== null && sample.atMs > lastAtMs) {
      lastAtMs = sample.atMs;
      passed = sample.lagMs <= policy.lagGateMs ? passed + 1 : 0;
      run.waitsFor(
        `${passed} of ${policy.lagSamples} samples under ${policy.lagGateMs} ms; now ${Math.round(sample.lagMs)} ms`,
      );
      if (passed >= policy.lagSamples) {
        if ((await countsAgree(estate, run)) && (await sidesAgree(estate, run))) return { lagMs: sample.lagMs };
        await estate.clock.sleep(countsEveryMs, run.signal);
      }
    }
    await estate.clock.sleep(sampleEveryMs, run.signal);
  }
}

/**
 * The rows of both sides are the same, proven lately enough. A difference blocks: it is compared again when somebody
 * asks for it, has rows repaired, or after a while.
 */
async function sidesAgree(estate: Estate, run: EffectRun): Promise<boolean> {
  try {
    await assertProven(estate, run);
    return true;
  } catch (error) {
    if (!isDifference(error)) throw error;
    run.note(error.message, { code: error.code, ...error.details });
    run.waitsFor(
      `rows that differ to be ${error.code === 'SITES_DIFFER' ? 'made alike' : 'repaired'}: ${error.message}`,
    );
    await untilAskedAgain(estate, run, blockedForMs);
    return false;
  }
}

/** Rows move while they are counted: each side is asked before and after the other, and the counts have to bracket each other. */
async function countsAgree(estate: Estate, run: EffectRun): Promise<boolean> {
  const { orgId, homeRegion } = run.migration;
  const cluster = clusterOf(estate, homeRegion);
  const [site] = estate.sites;
  const before = await site.counts(estate.tables, orgId);
  const there = await cluster.counts(estate.tables, orgId);
  const after = await site.counts(estate.tables, orgId);
  const off = there.filter(({ table, rows }) => {
    const [low, high] = [rowsOf(before, table), rowsOf(after, table)].sort((a, b) => a - b) as [number, number];
    // What was written or deleted meanwhile, and what is still on its way, may lie between.
    const slack = Math.max(50, high - low, Math.ceil(high * 0.01));
    return rows < low - slack || rows > high + slack;
  });
  if (off.length > 0) run.waitsFor(`row counts to agree: ${off.map(({ table }) => table).join(', ')}`);
  return off.length === 0;
}

function rowsOf(counts: readonly TableCount[], table: string): number {
  return counts.find((count) => count.table === table)?.rows ?? 0;
}

/**
 * Watches while the org waits in `ready`; ends only by a breach, a task that is not well, a schema that has changed, or
 * rows that differ.
 */
export async function watchReady(estate: Estate, run: EffectRun): Promise<never> {
  const ending = new AbortController();
  const signal = AbortSignal.any([run.signal, ending.signal]);
  const watches = [watchLag(estate, { ...run, signal }), watchProof(estate, run, signal)];
  try {
    return await Promise.race(watches);
  } finally {
    ending.abort(new Error('the watch has ended'));
    await Promise.allSettled(watches);
  }
}

async function watchLag(estate: Estate, run: EffectRun): Promise<never> {
  const { orgId } = run.migration;
  // A journal from before a field of the policy was there says nothing of it.
  const policy = { ...policyDefaults, ...run.migration.policy };
  run.waitsFor('the approval');
  for (let schemaAtMs = Number.NEGATIVE_INFINITY; ; ) {
    await assertTaskHealthy(estate, run);
    if (estate.clock.monotonicMs() - schemaAtMs >= policy.schemaCheckMs) {
      await assertNoDrift(estate, run);
      schemaAtMs = estate.clock.monotonicMs();
    }
    const sample = estate.heartbeats.lag(orgId);
    const fresh = sample !== null && estate.clock.monotonicMs() - sample.atMs < freshMs;
    if (fresh && sample.lagMs > Math.max(policy.lagGateMs, slowestNormalMs)) {
      throw new LagBreachedError(orgId, sample.lagMs, policy.lagGateMs);
    }
    await estate.clock.sleep(sampleEveryMs * 2, run.signal);
  }
}

/** Beats every two seconds cannot show a lag below one interval of looking: less is no breach here; the flip asks again. */
const slowestNormalMs = 500;
