import {
  DeleteReplicationTaskCommand,
  ModifyReplicationTaskCommand,
  ReloadTablesCommand,
  StartReplicationTaskCommand,
  StopReplicationTaskCommand,
} from '@aws-sdk/client-database-migration-service';
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import { fault, faultName } from './faults.ts';
import { Fixture } from './fixture.ts';
import { freshSchema } from './rows.ts';
import { ofOrg, type TableRule } from './rules.ts';

let lab: Fixture;
let site: Connection;
const calls: TableRule = { schema: 'wire', table: 'Calls', filters: ofOrg(1) };

beforeAll(async () => {
  // Slower than the lab's default, so that what passes by is seen.
  lab = await Fixture.start({
    latencies: {
      createMs: 60,
      startMs: 60,
      stopMs: 60,
      modifyMs: 60,
      deleteMs: 80,
      testConnectionMs: 60,
      describeStalenessMs: 40,
    },
    quotas: { tasks: 40, tasksPerInstance: 35 },
  });
  site = await lab.connect(lab.maria);
  const cluster = await lab.connect(lab.cluster);
  await freshSchema([site, cluster], 'wire');
  for (const connection of [site, cluster]) {
    await connection.query('CREATE TABLE Calls (OrgID INT, id INT PRIMARY KEY)');
    for (let n = 0; n < 25; n += 1) await connection.query(`CREATE TABLE T${n} (OrgID INT, id INT PRIMARY KEY)`);
  }
}, 120_000);

afterAll(async () => {
  await lab.stop();
});

afterEach(async () => {
  await lab.dms.faults.clear();
});

describe('life of a task', () => {
  test('the states follow each other, and every operation in a wrong state is refused', async () => {
    const client = lab.client;
    const task = await lab.create({ tables: [calls] });
    const arn = { ReplicationTaskArn: task.arn };
    const started = { ...arn, StartReplicationTaskType: 'start-replication' } as const;
    expect(await faultName(client.send(new StopReplicationTaskCommand(arn)))).toBe('InvalidResourceStateFault');
    expect(await faultName(task.start('resume-processing'))).toBe('InvalidParameterCombinationException');
    const { ReplicationTask: first } = await client.send(new StartReplicationTaskCommand(started));
    expect(first?.Status).toBe('starting');
    expect(await faultName(client.send(new StartReplicationTaskCommand(started)))).toBe('InvalidResourceStateFault');
    await task.until('running');
    expect(await faultName(client.send(new ModifyReplicationTaskCommand({ ...arn, TaskData: '{}' })))).toBe(
      'InvalidResourceStateFault',
    );
    expect(await faultName(client.send(new DeleteReplicationTaskCommand(arn)))).toBe('InvalidResourceStateFault');
    expect(await faultName(client.send(new StartReplicationTaskCommand(started)))).toBe('InvalidResourceStateFault');
    await task.loaded();
    const { ReplicationTask: stopping } = await client.send(new StopReplicationTaskCommand(arn));
    expect(stopping?.Status).toBe('stopping');
    const again = await fault(client.send(new StopReplicationTaskCommand(arn)));
    expect(again).toMatchObject({
      name: 'InvalidResourceStateFault',
      message: expect.stringMatching(/is currently not running/),
    });
    expect((await task.until('stopped')).StopReason).toBe('Stop Reason NORMAL');
    const twice = await fault(client.send(new StartReplicationTaskCommand(started)));
    expect(twice.name).toBe('InvalidParameterCombinationException');
    const { ReplicationTask: modified } = await client.send(
      new ModifyReplicationTaskCommand({ ...arn, TaskData: '{}' }),
    );
    expect(modified?.Status).toBe('modifying');
    await task.until('modifying');
    await task.until('stopped');
    const { ReplicationTask: deleting } = await client.send(new DeleteReplicationTaskCommand(arn));
    expect(deleting?.Status).toBe('deleting');
    expect((await task.until('deleting')).Status).toBe('deleting');
    await pollUntil('the task to be gone', async () => (await task.describe()) === null);
    expect(await faultName(client.send(new StopReplicationTaskCommand(arn)))).toBe('ResourceNotFoundFault');
  });

  test('a time and a position together are an error; cdc-only may start again', async () => {
    const task = await lab.create({ tables: [calls], MigrationType: 'cdc' });
    const both = { CdcStartPosition: 'mysql-bin-changelog.000001:4', CdcStartTime: new Date() };
    expect(await faultName(task.start('start-replication', both))).toBe('InvalidParameterCombinationException');
    expect(await faultName(task.start('start-replication', { CdcStartPosition: 'somewhere' }))).toBe(
      'InvalidParameterValueException',
    );
    await task.run();
    await task.stop();
    await task.run();
    await task.remove();
    const load = await lab.create({ tables: [calls], MigrationType: 'full-load' });
    expect(await faultName(load.start('start-replication', { CdcStartTime: new Date() }))).toBe(
      'InvalidParameterCombinationException',
    );
    await load.remove();
  });

  test('Describe lags behind', async () => {
    const task = await lab.create({ tables: [calls] });
    await task.start();
    // The answer to the start said "starting"; a Describe right behind it still shows what was before.
    expect((await task.describe())?.Status).toBe('ready');
    await task.until('starting');
    await task.until('running');
    await task.remove();
  });

  test('ReloadTables is refused with a reason', async () => {
    const task = await lab.create({ tables: [calls] });
    const reload = new ReloadTablesCommand({
      ReplicationTaskArn: task.arn,
      TablesToReload: [{ SchemaName: 'wire', TableName: 'Calls' }],
    });
    expect((await fault(lab.client.send(reload))).message).toMatch(/not supported/);
    await task.remove();
  });
});
