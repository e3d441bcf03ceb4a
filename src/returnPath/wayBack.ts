import type { z } from 'zod';
import type { MigrationContext } from '../../statecharts/context.ts';
import { type Logger, runLog } from '../driver/logger.ts';
import { isTransient } from '../errors/index.ts';
import { taskRef } from '../estate/taskPlans.ts';
import type { Heartbeats } from '../heartbeat/heartbeats.ts';
import type { Clock } from '../ports/clock.ts';
import type { Replication } from '../ports/replication.ts';
import type { Store } from '../ports/store.ts';
import { type WayBack, wayBackSchema } from '../service/status.ts';

/** Time between two looks, and longest wait for DMS in one (milliseconds). */
const lookEveryMs = 2_000;

const recordSchema = wayBackSchema.pick({ reverseLagMs: true, lagSeenAt: true, task: true });
/** Figures as they are kept in the store, for every controller and over a restart. */
export type WayBackRecord = z.infer<typeof recordSchema>;
const nothingSeen: WayBackRecord = { reverseLagMs: null, lagSeenAt: null, task: null };

/** True where the org is on the cluster because it could not go back. */
export function isStuckOnCluster(state: string, { serving, resumeAt }: MigrationContext): boolean {
  return state === 'needsOperator' && serving === 'cluster' && resumeAt === 'rollingBack';
}

export async function readWayBack(store: Pick<Store, 'getRecord'>, migrationId: string): Promise<WayBackRecord> {
  return wayBackFrom(await store.getRecord(migrationId, 'wayBack'));
}

/** The same from the record at hand. */
export function wayBackFrom(record: unknown): WayBackRecord {
  return recordSchema.nullable().parse(record) ?? nothingSeen;
}

export interface WayBackDeps {
  readonly store: Pick<Store, 'getRecord' | 'putRecord'>;
  readonly heartbeats: Pick<Heartbeats, 'lag'>;
  readonly replication: Pick<Replication, 'observe'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Keeps the figures of ways back that stopped, as long as somebody has to decide by them: lag and the task's state. A
 * figure that cannot be had leaves the last one with its time.
 */
export class WayBackWatch {
  readonly #deps: WayBackDeps;
  readonly #watching = new Map<string, { readonly ending: AbortController; readonly loop: Promise<void> }>();

  constructor(deps: WayBackDeps) {
    this.#deps = deps;
  }

  /** Begins or ends with the migration's state. */
  set(migration: MigrationContext, state: string, epoch: number): void {
    const { migrationId } = migration;
    const watching = this.#watching.get(migrationId);
    if (isStuckOnCluster(state, migration) === (watching !== undefined)) return;
    if (watching === undefined) {
      const ending = new AbortController();
      this.#watching.set(migrationId, { ending, loop: this.#loop(migration, epoch, ending.signal) });
    } else {
      this.end(migrationId);
    }
  }

  end(migrationId: string): void {
    this.#watching.get(migrationId)?.ending.abort(new Error('not watched any more'));
    this.#watching.delete(migrationId);
  }

  async close(): Promise<void> {
    const loops = [...this.#watching.values()].map(({ loop }) => loop);
    for (const migrationId of [...this.#watching.keys()]) this.end(migrationId);
    await Promise.all(loops);
  }

  async #loop(migration: MigrationContext, epoch: number, signal: AbortSignal): Promise<void> {
    const { store, clock, logger } = this.#deps;
    const { migrationId } = migration;
    for (let known: WayBackRecord | null = null; !signal.aborted; ) {
      try {
        known ??= await readWayBack(store, migrationId);
        known = this.#withLag(migration, known);
        await store.putRecord(migrationId, 'wayBack', known);
        known = { ...known, task: (await this.#task(migration, signal)) ?? known.task };
        await store.putRecord(migrationId, 'wayBack', this.#withLag(migration, known));
      } catch (error) {
        if (signal.aborted) return;
        runLog(logger, { migration, epoch })[isTransient(error) ? 'debug' : 'warn'](
          { err: error },
          'figures of a way back',
        );
      }
      await clock.sleep(lookEveryMs, signal).catch(() => {});
    }
  }

  #withLag({ orgId }: MigrationContext, known: WayBackRecord): WayBackRecord {
    const { heartbeats, clock } = this.#deps;
    const sample = heartbeats.lag(orgId);
    if (sample === null) return known;
    const seenAtMs = clock.nowMs() - (clock.monotonicMs() - sample.atMs);
    return { ...known, reverseLagMs: Math.round(sample.lagMs), lagSeenAt: new Date(seenAtMs).toISOString() };
  }

  /** Null where DMS does not answer in time. */
  async #task(migration: MigrationContext, signal: AbortSignal): Promise<WayBack['task']> {
    const { replication, clock } = this.#deps;
    const answered = new AbortController();
    const late = clock.sleep(lookEveryMs, AbortSignal.any([signal, answered.signal])).then(
      () => 'late' as const,
      () => 'late' as const,
    );
    try {
      const found = await Promise.race([replication.observe(taskRef(migration, 'reverse')), late]);
      if (found === 'late') return null;
      const { status, stopReason, lastFailure, erroredTables } = found ?? {
        status: 'gone',
        stopReason: null,
        lastFailure: null,
        erroredTables: [],
      };
      const observedAt = new Date(found?.observedAtMs ?? clock.nowMs()).toISOString();
      return { status, stopReason, lastFailure, erroredTables: [...erroredTables], observedAt };
    } finally {
      answered.abort(new Error('no longer waited for'));
    }
  }
}
