import { ReplicationRefusedError } from '../../errors/replication.ts';
import type { Replication, TaskRef } from '../../ports/replication.ts';
import { endpointAccounts, instanceStatus, regionFindings, taskQuotas } from './findings.ts';
import type { DmsLogger, ReplicationOptions } from './options.ts';
import { closedError } from './poller.ts';
import { openRegion, type Region } from './region.ts';
import { checkTaskPrefix, parseTaskId, taskIdOf } from './taskId.ts';
import { ensureGone, ensureStarted, ensureTask, type TaskDeps, waitFullLoad } from './tasks.ts';

export type { DmsApi } from './api.ts';
export type { ApiRate, DmsEndpoints, DmsLogger, DmsRegion, HeartbeatTable, ReplicationOptions } from './options.ts';
export { taskIdOf } from './taskId.ts';

/** A task that was observed stays watched for this many slow intervals. */
const leaseIntervals = 4;

/** Lines about a task say whose it is. */
function ofOrg(logger: DmsLogger, { orgId: org }: TaskRef): DmsLogger {
  return {
    info: (fields, message) => logger.info({ org, ...fields }, message),
    warn: (fields, message) => logger.warn({ org, ...fields }, message),
  };
}

/** AWS DMS in all home regions, each with its own client, rate and poller. */
export function createReplication(options: ReplicationOptions): Replication {
  checkTaskPrefix(options.taskPrefix);
  const { clock, heartbeat, logger, taskPrefix } = options;
  const regions = new Map<string, Region>();
  for (const [homeRegion, config] of Object.entries(options.regions)) {
    regions.set(homeRegion, openRegion(homeRegion, config, options));
  }
  const closing = new AbortController();
  const regionOf = (homeRegion: string): Region => {
    const region = regions.get(homeRegion);
    if (region !== undefined) return region;
    throw new ReplicationRefusedError(`home region ${homeRegion} has no replication in the configuration`, {
      details: { homeRegion, configured: [...regions.keys()] },
    });
  };
  const idOf = (ref: TaskRef) => taskIdOf(taskPrefix, ref);
  const depsOf = (ref: TaskRef): TaskDeps => ({
    region: regionOf(ref.homeRegion),
    clock,
    logger: logger && ofOrg(logger, ref),
    heartbeat,
    tags: options.tags ?? {},
  });
  const until = (signal?: AbortSignal) =>
    signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);

  return {
    ensureTask: async (plan, signal) => ensureTask(depsOf(plan.ref), idOf(plan.ref), plan, until(signal)),
    ensureStarted: async (ref, from, signal) => ensureStarted(depsOf(ref), idOf(ref), ref, from, until(signal)),
    waitFullLoad: async (ref, signal, onProgress) => waitFullLoad(depsOf(ref), idOf(ref), until(signal), onProgress),
    ensureGone: async (ref, signal) => ensureGone(depsOf(ref), idOf(ref), until(signal)),

    tasksOf: async (orgId, homeRegion, signal) => {
      const { poller, settleMs } = regionOf(homeRegion);
      const began = clock.monotonicMs();
      for (;;) {
        const sweep = await poller.fresh(until(signal));
        const ids = [...sweep.tasks.keys()].filter((id) => parseTaskId(taskPrefix, id)?.orgId === orgId);
        // A task made a moment ago may not be shown yet, and rows are deleted on the strength of this answer.
        if (ids.length > 0 || sweep.beganMs - began >= settleMs) return ids.sort();
      }
    },

    describeTasksOf: async (orgId, homeRegion, signal) => {
      const sweep = await regionOf(homeRegion).poller.fresh(until(signal));
      return [...sweep.tasks].flatMap(([id, { status, stopReason }]) => {
        const parsed = parseTaskId(taskPrefix, id);
        if (parsed?.orgId !== orgId) return [];
        const { direction, generation } = parsed;
        return [{ id, direction, generation, status, stopReason }];
      });
    },

    observe: async (ref) => {
      const { poller, watchIntervalMs } = regionOf(ref.homeRegion);
      const id = idOf(ref);
      poller.watches.lease(id, clock.monotonicMs() + leaseIntervals * watchIntervalMs);
      poller.poke();
      const latest = poller.latest();
      const recent = latest !== null && clock.monotonicMs() - latest.beganMs < 2 * watchIntervalMs;
      // Who waits keeps the task watched: a lease alone ends in a longer silence, and with it all reading of its tables.
      const letGo = poller.watches.hold(id);
      try {
        let sweep = recent && latest.tasks.has(id) ? latest : await poller.fresh(closing.signal);
        while (!poller.hasTables(id, sweep)) sweep = await poller.fresh(closing.signal);
        return poller.stateOf(id, sweep);
      } finally {
        letGo();
      }
    },

    findings: async (homeRegion) => regionFindings(regionOf(homeRegion), closing.signal),
    ping: async (homeRegion, signal) => void (await instanceStatus(regionOf(homeRegion), until(signal))),
    endpointAccounts: async (homeRegion) => endpointAccounts(regionOf(homeRegion), closing.signal),

    taskQuotas: async (homeRegion, signal) => taskQuotas(regionOf(homeRegion), until(signal)),

    close: async () => {
      closing.abort(closedError());
      await Promise.all([...regions.values()].map((region) => region.close()));
    },
  };
}
