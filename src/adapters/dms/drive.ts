import { ReplicationRefusedError, TaskFailedError } from '../../errors/replication.ts';
import { between } from '../../failpoints/failpoints.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ActResult } from './calls.ts';
import type { DmsLogger } from './options.ts';
import { backoffMs } from './pace.ts';
import type { Region } from './region.ts';
import type { ObservedTask } from './replies.ts';
import { type Action, type Look, nextStep, type Wanted } from './steps.ts';

/** How one change is asked for. `task` is null for `create` only. */
export type Act = (action: Action, task: ObservedTask | null) => Promise<ActResult>;

export interface DriveDeps {
  readonly region: Region;
  readonly clock: Clock;
  readonly logger: DmsLogger | undefined;
}

/** Times that DMS may refuse the same change on the same status before the caller hears of it. */
const refusalsAllowed = 5;

/**
 * Brings one task to what is wanted: look, decide, act, look again. Nothing is concluded from a reply; only a Describe
 * that began afterwards counts. So it can be ended at any point and begun anew.
 * @returns the task as last seen; null when it is gone.
 */
export async function driveTask(
  { region, clock, logger }: DriveDeps,
  taskId: string,
  wanted: Wanted,
  act: Act,
  signal: AbortSignal,
): Promise<ObservedTask | null> {
  let absentSinceMs: number | null = null;
  let last: { action: Action; onStatus: string | null; atMs: number } | null = null;
  let refusals = 0;
  let unanswered = 0;
  let statusBefore: string | null | undefined;

  for (;;) {
    const sweep = await region.poller.fresh(signal);
    const task = sweep.tasks.get(taskId) ?? null;
    const status = task?.status ?? null;
    if (status !== statusBefore) refusals = 0;
    statusBefore = status;
    absentSinceMs = task === null ? (absentSinceMs ?? sweep.beganMs) : null;

    const look: Look = {
      task,
      absentForMs: absentSinceMs === null ? 0 : sweep.beganMs - absentSinceMs,
      last: last === null ? null : { ...last, sinceMs: sweep.beganMs - last.atMs },
    };
    const step = nextStep(look, wanted, region.settleMs);
    if (step.do === 'done') return task;
    if (step.do === 'wait') continue;
    if (step.do === 'fail') {
      throw new TaskFailedError(taskId, step.why, { status, stopReason: task?.stopReason ?? null });
    }

    const { outcome, message } = await between(`dms.${step.do}`, taskId, () => act(step.do, task));
    logger?.info({ taskId, action: step.do, onStatus: status, outcome }, 'asked DMS for a change of a task');
    if (outcome === 'unanswered') {
      // It may have been carried out: the next look decides, a little later each time.
      last = null;
      unanswered += 1;
      await clock.sleep(backoffMs(unanswered), signal);
      continue;
    }
    unanswered = 0;
    last = { action: step.do, onStatus: status, atMs: clock.monotonicMs() };
    if (step.do === 'create' && outcome === 'notFound') throw refused(taskId, step.do, status, message);
    if (outcome === 'wrongState' || outcome === 'notFound') {
      refusals += 1;
      if (refusals >= refusalsAllowed) throw refused(taskId, step.do, status, message);
    }
  }
}

function refused(taskId: string, action: Action, status: string | null, message: string): ReplicationRefusedError {
  return new ReplicationRefusedError(`DMS refuses to ${action} task ${taskId} in status ${status}: ${message}`, {
    details: { taskId, action, status },
  });
}
