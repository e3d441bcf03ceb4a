import type { EffectRun } from '../driver/handlers.ts';
import { TaskFailedError } from '../errors/index.ts';
import { assertWell, taskName } from '../estate/taskHealth.ts';
import { taskRef } from '../estate/taskPlans.ts';
import type { Clock } from '../ports/clock.ts';
import type { BinlogPosition } from '../ports/place.ts';
import type { Replication, TaskState } from '../ports/replication.ts';
import type { Store } from '../ports/store.ts';

/** So often in so long a time a task that stopped is resumed before it counts as failed (milliseconds). */
const resumesMost = 3;
const resumesWithinMs = 30 * 60_000;

interface Care {
  /** Monotonic milliseconds of the resumptions lately. */
  resumedAtMs: number[];
  resuming: boolean;
  /** Why the last resumption came to nothing; until the task is seen to run again. */
  failure: unknown;
}

/**
 * Looks after the reverse tasks of orgs on the cluster: one that merely stopped goes on from its checkpoint. It is the
 * only writer at the sites and applies in order, so what it applies twice there comes to the same.
 */
export class ReverseTasks {
  readonly #deps: { readonly replication: Replication; readonly store: Store; readonly clock: Clock };
  readonly #cares = new Map<string, Care>();

  constructor(deps: { replication: Replication; store: Store; clock: Clock }) {
    this.#deps = deps;
  }

  /** Whoever begins anew gives the task all its resumptions again. */
  forget(migrationId: string): void {
    this.#cares.delete(migrationId);
  }

  /** Throws `TaskFailedError` where the task failed, is gone, has a table in error, or does not stay resumed. */
  async look(run: Pick<EffectRun, 'migration' | 'signal' | 'note'>): Promise<'well' | 'resuming'> {
    const { migration } = run;
    const care = this.#of(migration.migrationId);
    const ref = taskRef(migration, 'reverse');
    const state = await this.#deps.replication.observe(ref);
    if (care.resuming) return 'resuming';
    if (state?.status === 'running') care.failure = null;
    if (state?.status !== 'stopped' || state.erroredTables.length > 0) {
      assertWell(ref, state);
      return 'well';
    }
    if (care.failure !== null) throw care.failure;
    this.#countResumption(care, taskName(ref), state);
    care.resuming = true;
    run.note(`the reverse task stopped (${state.stopReason ?? 'no reason given'}) and is resumed`, {
      code: 'REVERSE_TASK_RESUMED',
      resumptions: care.resumedAtMs.length,
      stopReason: state.stopReason,
    });
    void this.#resume(run, care);
    return 'resuming';
  }

  #countResumption(care: Care, task: string, { stopReason }: TaskState): void {
    const nowMs = this.#deps.clock.monotonicMs();
    care.resumedAtMs = care.resumedAtMs.filter((atMs) => nowMs - atMs < resumesWithinMs);
    if (care.resumedAtMs.length >= resumesMost) {
      throw new TaskFailedError(
        task,
        `stopped again after ${care.resumedAtMs.length} resumptions: ${stopReason ?? 'no reason given'}`,
      );
    }
    care.resumedAtMs.push(nowMs);
  }

  /** What it comes to is seen at the next look. */
  async #resume(
    { migration, signal, note }: Pick<EffectRun, 'migration' | 'signal' | 'note'>,
    care: Care,
  ): Promise<void> {
    let runs = false;
    try {
      const from = await this.#pinned(migration.migrationId);
      await this.#deps.replication.ensureStarted(taskRef(migration, 'reverse'), from, signal);
      runs = true;
    } catch (error) {
      // Anything but the task's own failure is met again by the next resumption.
      if (error instanceof TaskFailedError) care.failure = error;
    } finally {
      care.resuming = false;
    }
    if (runs) note('the reverse task runs again', { resumptions: care.resumedAtMs.length });
  }

  /** Where the task began: the position at which the org was flipped. A task that ran before goes on from its checkpoint. */
  async #pinned(migrationId: string): Promise<BinlogPosition | null> {
    const { store } = this.#deps;
    const flipped = (await store.attempts(migrationId)).findLast(
      ({ direction, decision }) => direction === 'forward' && decision === 'commit',
    );
    const row = flipped === undefined ? null : await store.getAttempt(migrationId, flipped.attempt);
    return row?.pinned ?? null;
  }

  #of(migrationId: string): Care {
    const care = this.#cares.get(migrationId) ?? { resumedAtMs: [], resuming: false, failure: null };
    this.#cares.set(migrationId, care);
    return care;
  }
}
