import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { quickPolicy, refuseWrites, Stage } from './stage.ts';
import { allThere, openTransaction, SteadyWriter, stopAndLook } from './writer.ts';

/** What a client may wait for a write when an attempt is aborted, on a machine that is busy (milliseconds). */
const longestWaitMs = quickPolicy.flipBudgetMs + 5_000;

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({
    orgs: 5,
    rows: 100,
    // Only the test that is about it goes back by itself.
    policy: { onUnhealthy: 'alert', onErrorRate: 'alert', onReverseLag: 'alert', onTaskFailed: 'alert' },
  });
});
afterAll(() => stage?.stop());

let orgId: number;
let id: string;
let writers: SteadyWriter[];
let next = 0;
beforeEach(() => {
  ({ orgId } = stage.org(next++));
});
afterEach(() => refuseWrites(stage.cluster, false));

const moreWrites = async () => {
  const before = writers.map(({ acknowledged }) => acknowledged.length);
  await pollUntil('writes at every proxy', async () =>
    writers.every(({ acknowledged }, index) => acknowledged.length > (before[index] ?? 0)),
  );
};

async function onCluster(): Promise<void> {
  await pollUntil(
    'the org to be on the cluster',
    async () => {
      const { state } = await stage.api.get(id);
      if (state === 'ready') await stage.api.command(id, 'approve');
      return state.startsWith('soaking');
    },
    { everyMs: 100 },
  );
}

const errorsOf = () => writers.flatMap(({ errors }) => errors);

/** What clients of a cluster that refuses writes meet: its own error, or that of a fence that is not open yet. */
const refusals = ['ER_OPTION_PREVENTS_STATEMENT', 'ER_SIGNAL_EXCEPTION'];

/** Plain reads go on. */
async function reads(): Promise<void> {
  const reader = await stage.client(orgId);
  await reader.query('SELECT COUNT(*) FROM CdrTasks WHERE OrgID = ?', [orgId]);
  reader.destroy();
}

describe('a cluster that refuses writes', () => {
  it('before the hold: nobody is held, the status says why, and later it succeeds', async () => {
    id = await stage.toReady(orgId);
    writers = await SteadyWriter.startAll(stage, orgId);
    await refuseWrites(stage.cluster, true);
    await pollUntil('a reason', async () => {
      const { state } = await stage.api.get(id);
      if (state === 'ready') await stage.api.command(id, 'approve');
      const failures = (await stage.api.events(id)).map(
        ({ data }) => data.failure as { code?: string; message?: string },
      );
      return failures.some(
        (failure) =>
          failure?.code === 'LAG_OVER_GATE' ||
          (failure?.code === 'FLIP_NOT_READY' && failure.message?.includes(`${stage.cluster.name} is read-only`)),
      );
    });
    const { attempts, serving } = await stage.api.get(id);
    expect(serving).toBe('source');
    expect(attempts.flatMap(({ phases }) => phases.map(({ phase }) => phase))).not.toContain('hold');
    await moreWrites();
    for (const writer of writers) expect(writer.longestHoldMs).toBeLessThan(2_500);
    await refuseWrites(stage.cluster, false);
    await onCluster();
    expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
    expect(errorsOf()).toEqual([]);
  });

  it('in the hold: abort in time, the source serves, and later it succeeds', async () => {
    id = await stage.toReady(orgId);
    writers = await SteadyWriter.startAll(stage, orgId);
    const transaction = await openTransaction(stage, orgId);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId);
    await refuseWrites(stage.cluster, true);
    await transaction.end();
    const aborted = await stage.untilAborted(id);
    expect(aborted.phases.map(({ phase }) => phase)).not.toContain('commit');
    await moreWrites();
    await refuseWrites(stage.cluster, false);
    await onCluster();
    expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
    expect(errorsOf()).toEqual([]);
    for (const writer of writers) expect(writer.longestHoldMs).toBeLessThan(longestWaitMs);
  });

  it('while it serves the org: the way back waits with nothing held, clients read on, and it goes on by itself', async () => {
    id = await stage.toReady(orgId, { onUnhealthy: 'rollback', unhealthyForMs: 1_000 });
    writers = await SteadyWriter.startAll(stage, orgId);
    const { attempts } = await stage.toSoaking(id);
    await refuseWrites(stage.cluster, true);
    const waiting = await stage.until(
      id,
      'waiting for the cluster',
      ({ state, waitsFor }) => state === 'rollingBack.catchUp' && waitsFor?.includes('to take writes again') === true,
    );
    expect(waiting).toMatchObject({ serving: 'cluster', reason: { code: 'CLUSTER_UNHEALTHY' } });
    await reads();
    expect(await stage.routeStates(orgId)).toEqual(['cluster', 'cluster']);
    expect((await stage.api.get(id)).attempts).toHaveLength(attempts.length);
    await refuseWrites(stage.cluster, false);
    await stage.untilState(id, 'rolledBack');
    await moreWrites();
    expect(await stopAndLook(stage, writers, stage.sites[0] ?? stage.cluster)).toEqual(allThere);
    expect(errorsOf().filter(({ code }) => !refusals.includes(code))).toEqual([]);
    for (const writer of writers) expect(writer.longestHoldMs).toBeLessThan(longestWaitMs);
  });

  it('in the hold of the way back: abort, the cluster serves reads, and the way back succeeds when it takes writes', async () => {
    id = await stage.toReady(orgId);
    writers = await SteadyWriter.startAll(stage, orgId);
    await stage.toSoaking(id);
    const transaction = await openTransaction(stage, orgId);
    await stage.api.command(id, 'rollback', 'a test');
    await stage.untilHeld(orgId);
    await refuseWrites(stage.cluster, true);
    // What was not committed before is refused, and never was acknowledged.
    await expect(transaction.end()).rejects.toMatchObject({ code: 'ER_OPTION_PREVENTS_STATEMENT' });
    transaction.abandon();
    const aborted = await stage.untilAborted(id);
    expect(aborted.direction).toBe('back');
    await pollUntil('no hold', async () => (await stage.routeStates(orgId)).every((state) => state === 'cluster'));
    await reads();
    await refuseWrites(stage.cluster, false);
    await stage.untilState(id, 'rolledBack');
    await moreWrites();
    expect(await stopAndLook(stage, writers, stage.sites[0] ?? stage.cluster)).toEqual(allThere);
    expect(errorsOf().filter(({ code }) => !refusals.includes(code))).toEqual([]);
    for (const writer of writers) expect(writer.longestHoldMs).toBeLessThan(longestWaitMs);
  });
});
