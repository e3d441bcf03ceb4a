import type { TaskTable } from '../../ports/replication.ts';
import type { ObservedTask } from './replies.ts';

/** What a caller wants of a task. */
export type Wanted = 'present' | 'running' | 'gone';
/** A change that can be asked of DMS. */
export type Action = 'create' | 'start' | 'resume' | 'stop' | 'delete';

/** Everything that the decision rests on. */
export interface Look {
  /** As the newest Describe shows it; null where it shows none. */
  readonly task: ObservedTask | null;
  /** How long Describes in a row have shown none (ms); 0 on the first. */
  readonly absentForMs: number;
  /** The last change that DMS answered, and the status that was shown when it was sent (null: no task). */
  readonly last: { readonly action: Action; readonly onStatus: string | null; readonly sinceMs: number } | null;
}

export type Step =
  | { readonly do: Action }
  | { readonly do: 'wait' }
  | { readonly do: 'done' }
  | { readonly do: 'fail'; readonly why: string };

/** Statuses that pass by themselves. */
const passing = new Set(['creating', 'starting', 'stopping', 'modifying', 'moving', 'testing']);

/** Reasons after which a task whose tables are loaded may go on from its checkpoint. The others mean that rows were lost. */
const resumable = new Set([
  'NORMAL',
  'RECOVERABLE_ERROR',
  'STOPPED_DUE_TO_LOW_MEMORY',
  'STOPPED_DUE_TO_LOW_DISK',
  'RECONFIGURATION_RESTART',
  'RECYCLE_TASK',
]);

/**
 * The next step from what is seen to what is wanted. Describes lag behind: an answered change is not asked for again
 * while the old status is still shown, and an absence counts only once it has lasted `settleMs`.
 */
export function nextStep(look: Look, wanted: Wanted, settleMs: number): Step {
  const step = look.task === null ? forAbsent(look, wanted, settleMs) : forShown(look.task, wanted);
  const { last, task } = look;
  const repeats = last !== null && last.action === step.do && last.onStatus === (task?.status ?? null);
  return repeats && last.sinceMs < settleMs ? { do: 'wait' } : step;
}

function forAbsent({ absentForMs }: Look, wanted: Wanted, settleMs: number): Step {
  if (wanted === 'present') return { do: 'create' };
  if (absentForMs < settleMs) return { do: 'wait' };
  return wanted === 'gone' ? { do: 'done' } : fail('it does not exist');
}

function forShown(task: ObservedTask, wanted: Wanted): Step {
  if (wanted === 'gone') return towardsGone(task.status);
  if (task.status === 'deleting') return fail('it is being deleted');
  if (task.status === 'failed' || task.status === 'failed-move') return fail(describeEnd(task));
  if (wanted === 'present') return { do: task.status === 'creating' ? 'wait' : 'done' };
  return towardsRunning(task);
}

function towardsGone(status: string): Step {
  if (status === 'deleting' || passing.has(status)) return { do: 'wait' };
  return { do: status === 'running' ? 'stop' : 'delete' };
}

function towardsRunning(task: ObservedTask): Step {
  if (passing.has(task.status)) return { do: 'wait' };
  if (task.status === 'ready') return { do: 'start' };
  if (task.status === 'running') {
    // Running is not health: tables in error stay behind while the task goes on.
    return task.tablesErrored > 0 ? fail(`${task.tablesErrored} of its tables are in error`) : { do: 'done' };
  }
  if (task.status !== 'stopped') return fail(`its status is ${task.status}`);
  // What was not loaded when it stopped is missing, whatever the reason: resuming would load rows a second time.
  if (!loadIsOver(task)) return fail(`it stopped during the full load (${describeEnd(task)})`);
  return task.stopReason === null || resumable.has(reasonOf(task.stopReason))
    ? { do: 'resume' }
    : fail(describeEnd(task));
}

/** How far a full load is. */
export type LoadVerdict =
  | { readonly kind: 'complete' }
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly why: string };

/**
 * Judges a full load.
 * @param tables statistics of every table; null while DMS has none
 * @param expected `schema.table` of every rule of the task's mapping
 */
export function loadVerdict(
  task: ObservedTask,
  tables: readonly TaskTable[] | null,
  expected: readonly string[],
): LoadVerdict {
  const errored = erroredTables(tables ?? []);
  if (errored.length > 0) return { kind: 'failed', why: `not every table is well: ${errored.join(', ')}` };
  if (task.tablesErrored > 0) return { kind: 'failed', why: `${task.tablesErrored} of its tables are in error` };
  if (task.status === 'failed' || task.status === 'failed-move' || task.status === 'deleting') {
    return { kind: 'failed', why: describeEnd(task) };
  }
  // A source that ends early lets the task stop "successfully" with rows missing.
  if (task.status === 'stopping' || task.status === 'stopped') {
    return { kind: 'failed', why: `it stopped (${describeEnd(task)})` };
  }
  if (task.status !== 'running' || tables === null || !loadIsOver(task)) return { kind: 'loading' };
  const completed = new Set(tables.filter((one) => one.state === 'Table completed').map(nameOf));
  return expected.every((name) => completed.has(name)) ? { kind: 'complete' } : { kind: 'loading' };
}

/** `schema.table: state` of every table that is neither waiting, loading nor loaded. */
export function erroredTables(tables: readonly TaskTable[]): readonly string[] {
  const well = new Set(['', 'Before load', 'Full load', 'Table completed']);
  return tables.filter(({ state }) => !well.has(state)).map((one) => `${nameOf(one)}: ${one.state}`);
}

function nameOf({ schema, table }: TaskTable): string {
  return `${schema}.${table}`;
}

/** A task that only captures changes has no load to wait for. */
function loadIsOver(task: ObservedTask): boolean {
  if (task.migrationType === 'cdc') return true;
  const open = task.tablesLoading + task.tablesQueued + task.tablesErrored;
  return task.fullLoadPercent >= 100 && open === 0;
}

function describeEnd({ status, stopReason, lastFailure }: ObservedTask): string {
  return [status, stopReason, lastFailure].filter((part) => part !== null).join(', ');
}

/** DMS writes a word, sometimes with more text behind it. */
function reasonOf(stopReason: string): string {
  return stopReason.split(/[\s:,]/)[0] ?? '';
}

function fail(why: string): Step {
  return { do: 'fail', why };
}
