import {
  DatabaseMigrationServiceClient,
  DescribeReplicationTasksCommand,
  DescribeTableStatisticsCommand,
  type ReplicationTask,
} from '@aws-sdk/client-database-migration-service';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { countOrgRows } from '../../infra/lab/bigdb/index.ts';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { LAB_CREDENTIALS } from '../../infra/lab/estate/endpoints.ts';
import { Stage } from './stage.ts';
import { allThere, SteadyWriter, stopAndLook } from './writer.ts';

/** Enough for the load to be seen half way. */
const extraRows = 40_000;

let stage: Stage;
let dms: DatabaseMigrationServiceClient;
beforeAll(async () => {
  stage = await Stage.start({ orgs: 3, rows: 300 });
  const { url: endpoint, region } = stage.lab.dms;
  dms = new DatabaseMigrationServiceClient({ endpoint, region, credentials: LAB_CREDENTIALS });
  const [site] = stage.sites;
  for (const orgId of [stage.org(0).orgId, stage.org(1).orgId]) {
    await stage.at(
      site ?? stage.cluster,
      `INSERT INTO BigDB.CallLogs (OrgID, StartedAt, Direction, CallerNumber, CalleeNumber, SipCallId)
       SELECT ?, '2021-01-01' + INTERVAL seq SECOND, 'in', '+44', '+1', CONCAT('extra-', seq) FROM BigDB.seq_1_to_${extraRows}`,
      [orgId],
    );
  }
  await stage.lab.sites.waitUntilInStep();
});
afterAll(async () => {
  dms?.destroy();
  await stage?.stop();
});

/** The org's tasks, as DMS describes them. */
async function tasksOf(orgId: number): Promise<ReplicationTask[]> {
  const { ReplicationTasks = [] } = await dms.send(new DescribeReplicationTasksCommand({ MaxRecords: 100 }));
  return ReplicationTasks.filter(({ ReplicationTaskIdentifier: id }) => id?.includes(`-org${orgId}-`));
}

async function loadedRows(task: ReplicationTask): Promise<Record<string, number>> {
  const { TableStatistics = [] } = await dms.send(
    new DescribeTableStatisticsCommand({ ReplicationTaskArn: task.ReplicationTaskArn }),
  );
  return Object.fromEntries(
    TableStatistics.filter(({ SchemaName }) => SchemaName === 'BigDB').map(({ TableName, FullLoadRows }) => [
      TableName,
      FullLoadRows,
    ]),
  );
}

it.each([
  ['SIGTERM', 0],
  ['SIGKILL', 1],
] as const)('a controller that ends by %s in the middle of the full load: the next one goes on, and nothing is loaded twice', async (signal, index) => {
  const { orgId } = stage.org(index);
  const { id } = await stage.api.create(orgId);
  await stage.api.command(id, 'start');
  await pollUntil(
    'the middle of the full load',
    async () => {
      const { state, progress } = await stage.api.get(id);
      expect(state).toMatch(/^(preflight|snapshot|replicating\.(reset|task|fullLoad))/);
      return state === 'replicating.fullLoad' && progress.percent > 0 && progress.percent < 90;
    },
    { everyMs: 20 },
  );
  // The load stands still until the controller is gone, or it could be over by then.
  await stage.lab.dms.kill('SIGSTOP');
  const ended = signal === 'SIGTERM' ? stage.controller.stop() : stage.controller.kill('SIGKILL');
  try {
    await ended;
  } finally {
    await stage.lab.dms.kill('SIGCONT');
  }
  const [before] = await tasksOf(orgId);
  expect(before).toMatchObject({ ReplicationTaskIdentifier: `bigdb-org${orgId}-forward-g1`, Status: 'running' });
  await stage.startController();
  await stage.untilState(id, 'ready');

  const tasks = await tasksOf(orgId);
  expect(tasks).toHaveLength(1);
  const [task] = tasks as [ReplicationTask];
  // The same task, started once: its load was neither repeated nor resumed.
  for (const key of ['ReplicationTaskArn', 'ReplicationTaskCreationDate', 'ReplicationTaskStartDate'] as const) {
    expect(task[key], key).toEqual(before?.[key]);
  }
  const counts = Object.fromEntries(await countOrgRows(stage.sites[0] ?? stage.cluster, orgId));
  expect(counts.CallLogs).toBeGreaterThan(extraRows);
  expect(await loadedRows(task)).toEqual(counts);
  const states = (await stage.api.events(id)).filter(({ type }) => type === 'state').map(({ state }) => state);
  expect(states.filter((state) => state === 'replicating.task')).toHaveLength(1);
  const soaking = await stage.toSoaking(id);
  expect(soaking.verification).toMatchObject({ outcome: 'equal', kind: 'cutover-point', mismatches: 0 });
  expect(Object.fromEntries(await countOrgRows(stage.cluster, orgId))).toEqual(counts);
});

it('orgs that are on the cluster or ready stay where they are while their controller is killed, and clients notice nothing', async () => {
  const { orgId } = stage.org(2);
  const id = await stage.toReady(orgId);
  const writers = await SteadyWriter.startAll(stage, orgId);
  const { epoch: first } = await stage.api.get(id);
  await stage.controller.kill('SIGKILL');
  await stage.startController();
  await stage.until(id, 'ready under a new owner', (status) => status.state === 'ready' && status.epoch > first);
  const { epoch } = await stage.toSoaking(id);
  await stage.controller.kill('SIGKILL');
  await stage.startController();
  const taken = await stage.until(id, 'soaking under a new owner', (status) => status.epoch > epoch);
  expect(taken.state).toMatch(/^soaking/);
  expect(taken).toMatchObject({ serving: 'cluster', reason: null });
  await stage.toCompleted(id);
  expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
  expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
});
