import type { EffectRun } from '../driver/handlers.ts';
import { logOf } from '../driver/logger.ts';
import { FlipNotReadyError, isTransient, messageOf } from '../errors/index.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import { taskRef } from '../estate/taskPlans.ts';
import type { FlipAttempt } from './attempt.ts';

const fenceTimeoutMs = 5_000;
/** How long a hold hostgroup is waited for here; after that its retirement goes on beside the next states (milliseconds). */
const retireForMs = 5_000;
const lookEveryMs = 250;

/**
 * After release, outside the pause. Forward: the forward task is deleted, not stopped, for a stopped one can be resumed
 * and would put old images over new rows; only then may the reverse task apply anything. Back: the reverse task goes.
 */
export async function settle(estate: Estate, attempt: FlipAttempt, run: EffectRun): Promise<void> {
  const { migration } = run;
  const { orgId, epoch } = attempt.owner;
  if (attempt.direction === 'forward') {
    await estate.replication.ensureGone(taskRef(migration, 'forward'), run.signal);
    for (const site of estate.sites) await site.setFence(orgId, 'reverse', epoch, fenceTimeoutMs, run.signal);
    if (attempt.pinned === null) throw new FlipNotReadyError('the attempt has no pinned binlog position');
    await estate.replication.ensureStarted(taskRef(migration, 'reverse'), attempt.pinned, run.signal);
  } else {
    await estate.replication.ensureGone(taskRef(migration, 'reverse'), run.signal);
    await clusterOf(estate, migration.homeRegion).setFence(orgId, 'nobody', epoch, fenceTimeoutMs, run.signal);
  }
  retireBeside(estate, heldBy(attempt), run.ownership);
}

/** Retires the attempt's hold hostgroup beside whatever comes next. */
export function retireBeside(estate: Estate, attempt: HeldAttempt, ownership: AbortSignal): void {
  retire(estate, attempt, ownership).catch((error) => {
    if (!ownership.aborted) {
      logOf(estate.logger, attempt).warn({ err: error }, 'a hold hostgroup was not retired');
    }
  });
}

export function heldBy(attempt: FlipAttempt): HeldAttempt {
  const { orgId, epoch, attempt: number } = attempt.owner;
  return { migrationId: attempt.migrationId, orgId, epoch, attempt: number, holdHostgroup: attempt.holdHostgroup };
}

/** What retiring needs to know of an attempt. */
export interface HeldAttempt {
  readonly migrationId: string;
  readonly orgId: number;
  readonly epoch: number;
  readonly attempt: number;
  readonly holdHostgroup: number;
}

/**
 * Waits until every hold hostgroup of the migration has been given back. What is retired beside a state ends with the
 * migration, and an attempt that only prepared retires nothing: without this its number would stay in use for ever.
 */
export async function retireAll(estate: Estate, run: EffectRun): Promise<void> {
  const { migrationId, orgId } = run.migration;
  for (const row of await estate.store.unretired(migrationId)) {
    run.waitsFor(`hold hostgroup ${row.holdHostgroup} to be at rest: a client's transaction is open on it`);
    await retire(estate, { ...row, orgId }, run.signal);
  }
}

/**
 * Takes the hold hostgroup away on every proxy as soon as nothing uses it there, then gives its number back. What a
 * removed proxy still has of it goes when the proxy is added again.
 */
export async function retire(estate: Estate, attempt: HeldAttempt, signal: AbortSignal): Promise<void> {
  const startedAtMs = estate.clock.monotonicMs();
  await Promise.all(
    estate.routing.proxies.map(async (proxy) => {
      for (;;) {
        try {
          if (await proxy.retireHold(attempt.holdHostgroup, signal)) return;
        } catch (error) {
          if (!isTransient(error)) throw error;
          logOf(estate.logger, attempt).debug(
            { proxy: proxy.name, err: messageOf(error) },
            'a hold hostgroup waits to be retired',
          );
        }
        const waitedMs = estate.clock.monotonicMs() - startedAtMs;
        await estate.clock.sleep(waitedMs > retireForMs ? lookEveryMs * 8 : lookEveryMs, signal);
        await estate.routing.recent();
        if (!estate.routing.counts(proxy)) return;
      }
    }),
  );
  await estate.store.retireAttempt(attempt.migrationId, attempt.attempt);
}
