import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { countOrgRows } from '../../infra/lab/bigdb/index.ts';
import { type DatabaseServer, pollUntil } from '../../infra/lab/databases/index.ts';
import { rowsOf } from './picture.ts';
import { Stage } from './stage.ts';
import { openTransaction, SteadyWriter, stopAndLook } from './writer.ts';

// Rows are deleted on a side only when no task that reads that side exists any more: it would carry the deletes over.

/** Longer than it takes to look a few times, on a slow machine too (milliseconds). */
const slowDeleteMs = 3_000;

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ orgs: 4, rows: 200 });
});
afterAll(() => stage?.stop());

let orgId: number;
let id: string;
let next = 0;
beforeEach(() => {
  ({ orgId } = stage.org(next++));
});
afterEach(() => stage.lab.dms.faults.clear());

const site = (): DatabaseServer => stage.sites[0] ?? stage.cluster;

async function rowsAt(server: DatabaseServer): Promise<number> {
  return [...(await countOrgRows(server, orgId)).values()].reduce((sum, rows) => sum + rows, 0);
}

async function tasks(): Promise<string[]> {
  const { tasks } = await stage.lab.dms.faults.state();
  return tasks
    .filter(({ identifier }) => identifier.startsWith(`bigdb-org${orgId}-`))
    .map(({ identifier, status }) => `${identifier} ${status}`);
}

const inStep = () =>
  pollUntil('both sides to have as many rows', async () => (await rowsAt(stage.cluster)) === (await rowsAt(site())));

/** An org that waits in `ready` behind an attempt that was aborted: both its tasks exist. */
async function withBothTasks(): Promise<void> {
  id = await stage.toReady(orgId, { flipTries: 1 });
  const transaction = await openTransaction(stage, orgId);
  await stage.api.command(id, 'approve');
  await stage.untilAborted(id);
  await stage.untilState(id, 'ready');
  await transaction.end();
  expect((await tasks()).map((task) => task.replace(/^.*-(forward|reverse)-.*$/, '$1')).sort()).toEqual([
    'forward',
    'reverse',
  ]);
}

/** Looks until the org's rows are gone from the cluster: as long as a task is there, so is every row. */
async function rowsGoAfterTasks(): Promise<void> {
  const before = await rowsAt(site());
  expect(before).toBeGreaterThan(0);
  let sawWaiting = false;
  await pollUntil('the rows to go', async () => {
    // Rows first: a task that is there afterwards was there when they were counted.
    const rows = await rowsAt(stage.cluster);
    const left = await tasks();
    if (left.length > 0) expect({ rows, left }).toEqual({ rows: before, left });
    sawWaiting ||= left.some((task) => task.endsWith(' deleting'));
    return rows === 0;
  });
  expect(sawWaiting).toBe(true);
}

/** Nothing was carried over: the sites have every row, and clients go on writing there. */
async function sourceIsWhole(before: Awaited<ReturnType<typeof rowsOf>>): Promise<void> {
  for (const server of stage.sites) {
    await pollUntil(`${server.name} to have every row`, async () => {
      const now = await rowsOf(server, orgId);
      return JSON.stringify(now) === JSON.stringify(before);
    });
  }
  const writer = await SteadyWriter.start(stage, orgId);
  expect(await stopAndLook(stage, [writer], site())).toEqual({ lost: [], duplicated: [], unexplained: [] });
  expect(writer.errors).toEqual([]);
}

describe('with a task that is slow to be deleted', () => {
  it.each([
    'cancel',
    'rollback',
  ] as const)('%s before the flip: the rows at the cluster go when no task is left', async (command) => {
    await withBothTasks();
    const before = await rowsOf(site(), orgId);
    await inStep();
    await stage.lab.dms.faults.slowDelete(slowDeleteMs, `bigdb-org${orgId}-`);
    await stage.api.command(id, command, 'a test');
    await rowsGoAfterTasks();
    await stage.untilState(id, command === 'cancel' ? 'cancelled' : 'rolledBack');
    await sourceIsWhole(before);
  });

  it('rollback after the flip: the rows at the cluster go when the way back is gone, and no delete has travelled', async () => {
    id = await stage.toReady(orgId);
    await stage.toSoaking(id);
    const transaction = await openTransaction(stage, orgId);
    await transaction.end();
    const before = await rowsOf(stage.cluster, orgId);
    await stage.lab.dms.faults.slowDelete(slowDeleteMs, `bigdb-org${orgId}-`);
    await stage.api.command(id, 'rollback', 'a test');
    await stage.until(id, 'back at the source', ({ serving }) => serving === 'source');
    await inStep();
    await rowsGoAfterTasks();
    await stage.untilState(id, 'rolledBack');
    await sourceIsWhole(before);
  });

  it('a load that is begun anew: the rows of the first one go when its task is gone', async () => {
    id = await stage.toReady(orgId);
    await inStep();
    const before = await rowsOf(site(), orgId);
    await stage.lab.dms.faults.slowDelete(slowDeleteMs, `bigdb-org${orgId}-`);
    await stage.lab.dms.faults.failTask('FATAL_ERROR', `bigdb-org${orgId}-`);
    await stage.until(id, 'the first task to be removed', ({ state }) => state === 'replicating.reset');
    const all = await rowsAt(stage.cluster);
    let sawWaiting = false;
    await pollUntil('a new task', async () => {
      const rows = await rowsAt(stage.cluster);
      const left = await tasks();
      const first = left.find((task) => task.includes('-g1 '));
      if (first !== undefined) expect({ rows, first }).toEqual({ rows: all, first });
      sawWaiting ||= first?.endsWith(' deleting') === true;
      return left.some((task) => task.includes('-g2 '));
    });
    expect(sawWaiting).toBe(true);
    await stage.untilState(id, 'ready');
    await sourceIsWhole(before);
    await stage.toSoaking(id);
  });
});
