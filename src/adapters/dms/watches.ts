import type { TaskTable } from '../../ports/replication.ts';
import type { ObservedTask } from './replies.ts';

interface Watch {
  /** Callers that wait on this task right now. */
  waiters: number;
  /** Until when it is watched without a waiter, monotonic milliseconds. */
  leaseUntilMs: number;
  tables: readonly TaskTable[] | null;
  /** Why the last reading gave nothing. */
  failure: unknown;
  readAtMs: number;
}

/** Table statistics cost a call per task, so they are read only for tasks that somebody watches. */
export class Watches {
  readonly #watches = new Map<string, Watch>();

  /** Watches the task until the returned function is called. */
  hold(taskId: string): () => void {
    const watch = this.#of(taskId);
    watch.waiters += 1;
    let held = true;
    return () => {
      if (held) watch.waiters -= 1;
      held = false;
    };
  }

  /** Watches the task until then (monotonic ms). */
  lease(taskId: string, untilMs: number): void {
    const watch = this.#of(taskId);
    watch.leaseUntilMs = Math.max(watch.leaseUntilMs, untilMs);
  }

  /** True while anybody watches anything; forgets what nobody watches any more. */
  any(nowMs: number): boolean {
    for (const [id, watch] of this.#watches) {
      if (watch.waiters === 0 && watch.leaseUntilMs <= nowMs) this.#watches.delete(id);
    }
    return this.#watches.size > 0;
  }

  tables(taskId: string): readonly TaskTable[] | null {
    return this.#watches.get(taskId)?.tables ?? null;
  }

  failure(taskId: string): unknown {
    return this.#watches.get(taskId)?.failure;
  }

  /** Keeps what a reading gave. After a failed one the older figures stay. */
  keep(
    taskId: string,
    read: { readonly tables: readonly TaskTable[] | null } | { readonly failure: unknown },
    nowMs: number,
  ): void {
    const watch = this.#watches.get(taskId);
    if (watch === undefined) return;
    // A task that failed before its first start has none, and never will.
    if ('tables' in read) watch.tables = read.tables ?? [];
    watch.failure = 'failure' in read ? read.failure : undefined;
    watch.readAtMs = nowMs;
  }

  /**
   * Watched tasks whose statistics are due, most urgent first: tasks that report errors, then never read, then oldest.
   * @param waitedMs age at which statistics are read again while somebody waits
   * @param watchedMs the same while the task is only watched
   */
  due(
    tasks: ReadonlyMap<string, ObservedTask>,
    nowMs: number,
    waitedMs: number,
    watchedMs: number,
  ): readonly ObservedTask[] {
    const due: { task: ObservedTask; errored: boolean; readAtMs: number }[] = [];
    for (const [id, watch] of this.#watches) {
      const task = tasks.get(id);
      if (task === undefined || !hasStatistics(task)) continue;
      if (watch.waiters === 0 && watch.leaseUntilMs <= nowMs) continue;
      const age = nowMs - watch.readAtMs;
      if (age < (watch.waiters > 0 ? waitedMs : watchedMs)) continue;
      due.push({ task, errored: task.tablesErrored > 0, readAtMs: watch.readAtMs });
    }
    due.sort((a, b) => Number(b.errored) - Number(a.errored) || a.readAtMs - b.readAtMs);
    return due.map(({ task }) => task);
  }

  #of(taskId: string): Watch {
    let watch = this.#watches.get(taskId);
    if (watch === undefined) {
      watch = { waiters: 0, leaseUntilMs: 0, tables: null, failure: undefined, readAtMs: Number.NEGATIVE_INFINITY };
      this.#watches.set(taskId, watch);
    }
    return watch;
  }
}

/** Before its first start a task has no tables. */
export function hasStatistics(task: ObservedTask): boolean {
  return ['running', 'stopping', 'stopped', 'failed'].includes(task.status);
}
