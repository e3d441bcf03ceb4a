// The platform's own jobs: the CDR worker, which takes queued tasks, and retention, which deletes old calls.
//
// Before the move each was one statement across all orgs: "take the next ten tasks, whosever they are", "delete what is
// older than this". Once orgs live in two places such a statement has no right side: at the source it misses the orgs
// that have left (and the fence refuses it as a whole when one of its rows is theirs), at a cluster it misses the
// others. The remedy, which the platform needs before the first org moves:
//
//   1. The job goes org by org, and each org's statements travel on that org's own route, as its clients' do: its user,
//      its schema, its annotation, BEGIN included. Where the org lives is then the proxies' business alone.
//   2. A transaction never holds rows of two orgs.
//   3. Several instances share the work by the row's number, not by who comes first: the sites' locks do not know of
//      each other, and SKIP LOCKED at one site does not see what the other site has taken.

import type { WorkloadContext } from './context.ts';
import type { ClientSession } from './session.ts';
import { callLogs, RETENTION_CUTOFF } from './tables/callLogs.ts';
import { DONE, QUEUED, taskChange, updateTask } from './tables/cdrTasks.ts';
import { changed, gone, type PlannedWrite } from './tables/kind.ts';
import { pause, type TokenBucket } from './tokenBucket.ts';
import { autocommit, transaction } from './unit.ts';

const TASKS_PER_TURN = 5;
const CALLS_PER_TURN = 5;

/** One of several instances of a job that share the work. */
export interface JobInstance {
  readonly context: WorkloadContext;
  /** A session for each org, on that org's own route. */
  readonly sessions: readonly ClientSession[];
  /** This instance takes rows whose number, without the part that the auto-increment offset fixes, is `index` modulo `count`. */
  readonly index: number;
  readonly count: number;
  /** Turns per second, each of one org. */
  readonly bucket: TokenBucket;
}

/** Takes queued tasks, org by org, and marks them done. */
export async function runCdrWorker(job: JobInstance): Promise<void> {
  await forEachOrg(job, async (session) => {
    const { orgId } = session.org;
    const candidates = await session.read({
      sql: `SELECT TaskID FROM CdrTasks WHERE OrgID = ? AND Status = ? AND (TaskID DIV 8) MOD ? = ? ORDER BY TaskID LIMIT ${TASKS_PER_TURN}`,
      values: [orgId, QUEUED, job.count, job.index],
      prepared: false,
    });
    if (candidates.length === 0) return;
    await transaction(job.context, session, async () => {
      const plans: PlannedWrite[] = [];
      for (const { TaskID } of candidates) {
        // By the whole primary key: a range would lock gaps, and other clients' inserts with them.
        const [task] = await session.readLocking({
          sql: 'SELECT WriteId, Attempts FROM CdrTasks WHERE OrgID = ? AND TaskID = ? AND Status = ? FOR UPDATE SKIP LOCKED',
          values: [orgId, Number(TaskID), QUEUED],
          prepared: false,
        });
        if (task === undefined) continue;
        const bornId = Number(task.WriteId);
        const before = {
          present: true,
          writeId: bornId,
          bornId,
          counter: Number(task.Attempts),
          status: QUEUED,
          seq: 0,
        };
        const writeId = job.context.ids.next();
        plans.push({
          ...updateTask(orgId, writeId, String(TaskID), DONE, true),
          after: changed(before, writeId, taskChange(before, DONE)),
        });
      }
      return plans;
    });
  });
}

/** Deletes calls from before the cut-off, org by org. */
export async function runRetention(job: JobInstance): Promise<void> {
  await forEachOrg(job, async (session) => {
    const { orgId } = session.org;
    const old = await session.read({
      sql: `SELECT CallLogID, WriteId FROM CallLogs WHERE OrgID = ? AND StartedAt < ? AND (CallLogID DIV 8) MOD ? = ?
            ORDER BY StartedAt LIMIT ${CALLS_PER_TURN}`,
      values: [orgId, RETENTION_CUTOFF, job.count, job.index],
      prepared: false,
    });
    for (const { CallLogID, WriteId } of old) {
      const bornId = Number(WriteId);
      const before = { present: true, writeId: bornId, bornId, counter: 0, status: null, seq: 0 };
      await autocommit(job.context, session, {
        table: callLogs,
        key: String(CallLogID),
        after: gone(before, job.context.ids.next()),
        statement: {
          sql: 'DELETE FROM CallLogs WHERE OrgID = ? AND CallLogID = ? AND StartedAt < ?',
          values: [orgId, Number(CallLogID), RETENTION_CUTOFF],
          prepared: false,
        },
      });
    }
  });
}

async function forEachOrg({ context, sessions, bucket }: JobInstance, work: (session: ClientSession) => Promise<void>) {
  for (;;) {
    for (const session of sessions) {
      if (!(await bucket.take(1, context.signal))) return;
      try {
        await work(session);
      } catch (error) {
        // One org's trouble is not the next org's.
        if (context.signal.aborted) return;
        context.errors.record(session.org.orgId, session.proxy.name, 'job', error);
        session.disconnect();
        await pause(50, context.signal);
      }
    }
  }
}
