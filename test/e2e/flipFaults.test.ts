import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { all, quickPolicy, Stage } from './stage.ts';
import { allThere, openTransaction, SteadyWriter, stopAndLook } from './writer.ts';

/** What a client may wait for a write when an attempt is aborted, on a machine that is busy (milliseconds). */
const longestWaitMs = quickPolicy.flipBudgetMs + 5_000;
/** The same when the owner dies in the hold: a standby takes over after its lease, and needs a moment (milliseconds). */
const longestWithoutOwnerMs = quickPolicy.flipBudgetMs + 2_000 + 4_500;

let stage: Stage;
/** Orgs that are ready to be flipped, each for one test. */
const ready: { readonly orgId: number; readonly id: string }[] = [];
beforeAll(async () => {
  stage = await Stage.start({ orgs: 10, rows: 200 });
  ready.push(
    ...(await all(stage.lab.orgs.slice(0, 8).map(async ({ orgId }) => ({ orgId, id: await stage.toReady(orgId) })))),
  );
});
afterAll(() => stage?.stop());

let orgId: number;
let id: string;
let writers: SteadyWriter[];
beforeEach(async () => {
  const next = ready.shift();
  if (next === undefined) throw new Error('one org for each test');
  ({ orgId, id } = next);
  writers = await SteadyWriter.startAll(stage, orgId);
});
afterEach(() => stage.lab.dms.faults.clear());

/** The source serves: writes go on at every proxy, and none of the clients has seen an error or waited too long. */
async function sourceServes(longestMs = longestWaitMs): Promise<void> {
  const before = writers.map(({ acknowledged }) => acknowledged.length);
  await pollUntil('writes at every proxy', async () =>
    writers.every(({ acknowledged }, index) => acknowledged.length > (before[index] ?? 0)),
  );
  expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
  for (const writer of writers) expect(writer.longestHoldMs).toBeLessThan(longestMs);
}

/** The org flips, if need be after another approval, and all its rows are on the cluster. */
async function succeedsLater(longestMs = longestWaitMs): Promise<void> {
  await pollUntil(
    'the org to be on the cluster',
    async () => {
      const { state } = await stage.api.get(id);
      if (state === 'ready') await stage.api.command(id, 'approve');
      return state.startsWith('soaking');
    },
    { everyMs: 100 },
  );
  expect((await stage.api.get(id)).verification).toMatchObject({ outcome: 'equal', mismatches: 0 });
  expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
  expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
  for (const writer of writers) expect(writer.longestHoldMs).toBeLessThan(longestMs);
  await stage.toCompleted(id);
}

describe('in a flip', () => {
  it('a transaction that does not end: the attempt is aborted naming the session, a pause waits for it, and later it succeeds', async () => {
    const transaction = await openTransaction(stage, orgId, 1);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId);
    // Asked for inside a hold: it takes effect behind it.
    await stage.api.command(id, 'pause');
    expect((await stage.api.get(id)).state).toMatch(/^flipping\./);
    const aborted = await stage.untilAborted(id);
    expect(aborted).toMatchObject({
      direction: 'forward',
      reason: {
        code: 'DRAIN_TIMEOUT',
        remedy: expect.stringContaining('sessions'),
        details: {
          orgId,
          sessions: [
            expect.objectContaining({ proxy: stage.proxy(1).name, user: `org_${orgId}`, because: 'transaction' }),
          ],
        },
      },
    });
    expect(aborted.writePauseMs).toBeLessThan(longestWaitMs);
    expect(await stage.untilState(id, 'paused')).toMatchObject({ serving: 'source', pauseRequested: true });
    await sourceServes();
    await transaction.end();
    // The approval stands: the org goes on by itself.
    await stage.api.command(id, 'resume');
    await succeedsLater();
  });

  it('a writer past the proxies that does not end: the fence waits for it, the attempt is aborted, and later it succeeds', async () => {
    // Another org's transaction, just as long, holds nothing up: it is open until the org has flipped.
    const [direct, others] = [await stage.direct(0), await stage.direct(0)];
    await others.query('BEGIN');
    await others.query(
      "UPDATE BigDB.ApplicationBlob SET ContentType = 'others' WHERE OrgID = ? AND BlobKey = 'seed/1'",
      [stage.org(9).orgId],
    );
    await direct.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
    await direct.query('BEGIN');
    // One row by its primary key: no gap is locked that the other writers would have to wait for.
    await direct.query(
      "UPDATE BigDB.ApplicationBlob SET ContentType = 'direct' WHERE OrgID = ? AND BlobKey = 'seed/1'",
      [orgId],
    );
    try {
      await stage.api.command(id, 'approve');
      const aborted = await stage.untilAborted(id);
      expect(aborted.reason?.code).toBe('FENCE_TIMEOUT');
      expect(aborted.phases.map(({ phase }) => phase)).toEqual(['hold', 'drain', 'fence', 'abort']);
    } finally {
      await direct.query('COMMIT');
      direct.destroy();
    }
    await sourceServes();
    await succeedsLater();
    await others.query('COMMIT');
    others.destroy();
  });

  it('sessions with GET_LOCK, a temporary table and SET @x: each is named, what waits runs at the source, and later it succeeds', async () => {
    for (const site of stage.sites) await stage.at(site, `GRANT CREATE TEMPORARY TABLES ON BigDB.* TO org_${orgId}`);
    const because = ['get_lock', 'temporary_table', 'locked'];
    const sessions = await all(because.map((_, index) => stage.client(orgId, index % 2)));
    const [locking, scratching, setting] = sessions as [Connection, Connection, Connection];
    await locking.query("SELECT GET_LOCK('a client of the org', 1)");
    await scratching.query('CREATE TEMPORARY TABLE org_scratch (a INT)');
    await setting.query('SET @x = 1');
    const batching = await stage.client(orgId, 0, { multipleStatements: true });
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId);
    // It begins like a plain read, and is none.
    const batch = batching.query(
      "SELECT 1; INSERT INTO CdrTasks (OrgID, CdrRef, Payload) VALUES (?, UNHEX(REPLACE(UUID(), '-', '')), 'batch')",
      [orgId],
    );
    const aborted = await stage.untilAborted(id);
    const found = (aborted.reason?.details.sessions ?? []) as { because: string }[];
    expect(aborted.reason?.code).toBe('DRAIN_TIMEOUT');
    expect(found.map((session) => session.because).sort()).toEqual([...because].sort());
    await batch;
    const written = "SELECT 1 FROM BigDB.CdrTasks WHERE OrgID = ? AND Payload = 'batch'";
    expect(await stage.at(stage.sites[0] ?? stage.cluster, written, [orgId])).toHaveLength(1);
    await sourceServes();
    for (const session of sessions) session.destroy();
    await succeedsLater();
    expect(await stage.at(stage.cluster, written, [orgId])).toHaveLength(1);
  });

  it('a site that does not replicate to the other: its marker does not arrive, and later it does', async () => {
    const site = stage.lab.sites.site('lon1');
    const transaction = await openTransaction(stage, orgId, 0);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId);
    // Only now, or the lag gate would not let it come this far.
    await site.stopReplication();
    try {
      await transaction.end();
      const aborted = await stage.untilAborted(id);
      expect(aborted.reason).toMatchObject({
        code: 'MARKER_TIMEOUT',
        remedy: expect.stringContaining('replication between the sites'),
        details: { missing: [expect.stringContaining('lon2')] },
      });
      await sourceServes();
      // While it lasts the gate keeps the org from being held again and again.
      expect((await stage.api.get(id)).serving).not.toBe('cluster');
    } finally {
      await site.startReplication();
    }
    await succeedsLater();
  });

  it('a task whose changes stand still: no marker, no flip, not even by the marker of an earlier attempt', async () => {
    const task = `bigdb-org${orgId}-`;
    const first = await openTransaction(stage, orgId, 0);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId);
    await stage.lab.dms.faults.holdApply(true, task);
    await first.end();
    const aborted = await stage.untilAborted(id);
    expect(aborted.reason).toMatchObject({ code: 'MARKER_TIMEOUT' });
    expect(aborted.phases.at(-2)).toMatchObject({ phase: 'marker', ok: false });
    await sourceServes();

    const second = await openTransaction(stage, orgId, 0);
    await stage.lab.dms.faults.holdApply(false, task);
    await pollUntil('the first marker to arrive', async () => {
      const markers = await stage.at(
        stage.cluster,
        'SELECT site FROM bigdb_cutover.heartbeat WHERE org_id = ? AND attempt = ?',
        [orgId, aborted.attempt],
      );
      return markers.length === stage.sites.length;
    });
    const { state } = await stage.api.get(id);
    if (state === 'ready') await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId);
    await stage.lab.dms.faults.holdApply(true, task);
    await second.end();
    const again = await stage.untilAborted(id, 2);
    expect(again.reason?.code).toMatch(/^(MARKER|DRAIN)_TIMEOUT$/);
    await sourceServes();
    await stage.lab.dms.faults.holdApply(false, task);
    await succeedsLater();
  });

  it('a task that fails in the hold: the source goes on, the rows are loaded by a new task, and later it succeeds', async () => {
    const transaction = await openTransaction(stage, orgId, 0);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId);
    await stage.lab.dms.faults.failTask('FATAL_ERROR', `bigdb-org${orgId}-forward`);
    await transaction.end();
    const aborted = await stage.untilAborted(id);
    expect(aborted.decision).toBe('abort');
    await sourceServes();
    await pollUntil('a new task', async () => {
      const { tasks } = await stage.lab.dms.faults.state();
      return tasks.some(({ identifier }) => identifier === `bigdb-org${orgId}-forward-g2`);
    });
    await succeedsLater();
  });

  it('a store that is away before the commit: released to the source all the same, and later it succeeds', async () => {
    const transaction = await openTransaction(stage, orgId, 0);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId);
    await stage.lab.control.store.kill('SIGSTOP');
    try {
      // Never ends by itself: the attempt cannot come to its commit.
      await pollUntil(
        'the source to serve again',
        async () => (await stage.routeStates(orgId)).every((state) => state === 'source'),
        { timeoutMs: 60_000 },
      );
      await sourceServes(longestWithoutOwnerMs);
    } finally {
      await stage.lab.control.store.kill('SIGCONT');
    }
    await transaction.end();
    await succeedsLater(longestWithoutOwnerMs);
  });

  it('a controller that is killed in the hold: a standby releases to the source in time, and later it succeeds', async () => {
    const owner = stage.controller;
    await stage.startController();
    const transaction = await openTransaction(stage, orgId, 0);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId);
    await owner.kill('SIGKILL');
    const killedAtMs = performance.now();
    await pollUntil(
      'the source to serve again',
      async () => (await stage.routeStates(orgId)).every((state) => state === 'source'),
      { timeoutMs: 60_000 },
    );
    expect(performance.now() - killedAtMs).toBeLessThan(longestWithoutOwnerMs);
    await sourceServes(longestWithoutOwnerMs);
    await transaction.end();
    await stage.until(id, 'a new owner', ({ owner: name }) => name?.startsWith(stage.controller.name) === true);
    const { attempts } = await stage.api.get(id);
    expect(attempts[0]?.decision).toBe('abort');
    await succeedsLater(longestWithoutOwnerMs);
  });
});
