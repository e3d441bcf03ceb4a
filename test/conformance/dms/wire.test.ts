import {
  AddTagsToResourceCommand,
  CreateReplicationInstanceCommand,
  DatabaseMigrationServiceClient,
  DeleteReplicationTaskCommand,
  DescribeAccountAttributesCommand,
  DescribeEndpointsCommand,
  DescribeReplicationInstancesCommand,
  DescribeReplicationTasksCommand,
  DescribeTableStatisticsCommand,
  ListTagsForResourceCommand,
  type ReplicationTask,
} from '@aws-sdk/client-database-migration-service';
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeTempFolder, pollUntil, removeFolder } from '../../../infra/lab/databases/index.ts';
import { startDms } from '../../../infra/lab/dms/start.ts';
import { fault, faultName } from './faults.ts';
import { Fixture, sdk, unique } from './fixture.ts';
import { freshSchema } from './rows.ts';
import { ofOrg, SAFE_SETTINGS, type TableRule } from './rules.ts';
import type { Task } from './task.ts';

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

/** A request as the SDK makes it, so that the bytes can be looked at. */
function raw(operation: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(lab.dms.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AmazonDMSv20160101.${operation}`,
      authorization: `AWS4-HMAC-SHA256 Credential=a/20260101/${lab.dms.region}/dms/aws4_request, SignedHeaders=host, Signature=x`,
      ...headers,
    },
    body: JSON.stringify(body),
  });
}

describe('wire', () => {
  test('JSON 1.1 with the type of a fault in __type and timestamps as seconds in numbers', async () => {
    const instances = await raw('DescribeReplicationInstances', {});
    expect(instances.status).toBe(200);
    expect(instances.headers.get('content-type')).toBe('application/x-amz-json-1.1');
    const body = (await instances.json()) as { ReplicationInstances: { InstanceCreateTime: number }[] };
    expect(body.ReplicationInstances[0]?.InstanceCreateTime).toBeGreaterThan(1_700_000_000);
    expect(body.ReplicationInstances[0]?.InstanceCreateTime).toBeLessThan(4_000_000_000);
    const missing = await raw('StopReplicationTask', { ReplicationTaskArn: 'arn:aws:dms:x:1:task:none' });
    expect(missing.status).toBe(400);
    expect(await missing.json()).toMatchObject({ __type: 'ResourceNotFoundFault', message: expect.any(String) });
  });

  test('requests must be signed for the service and region; unknown operations and input are refused', async () => {
    const unsigned = await raw('DescribeEndpoints', {}, { authorization: '' });
    expect(await unsigned.json()).toMatchObject({ __type: 'MissingAuthenticationTokenException' });
    const elsewhere = new DatabaseMigrationServiceClient({
      endpoint: lab.dms.url,
      region: 'us-west-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    expect(await faultName(elsewhere.send(new DescribeEndpointsCommand({})))).toBe('InvalidSignatureException');
    elsewhere.destroy();
    expect(await (await raw('MakeCoffee', {})).json()).toMatchObject({ __type: 'UnknownOperationException' });
    expect(await (await raw('TestConnection', { EndpointArn: 7 })).json()).toMatchObject({
      __type: 'InvalidParameterValueException',
    });
  });

  test('account attributes tell the quotas; tags are kept', async () => {
    const { AccountQuotas } = await lab.client.send(new DescribeAccountAttributesCommand({}));
    expect(AccountQuotas?.find(({ AccountQuotaName }) => AccountQuotaName === 'ReplicationTasks')?.Max).toBe(40);
    const task = await lab.create({ tables: [calls], Tags: [{ Key: 'org', Value: '42' }] });
    await lab.client.send(
      new AddTagsToResourceCommand({ ResourceArn: task.arn, Tags: [{ Key: 'attempt', Value: '3' }] }),
    );
    const { TagList } = await lab.client.send(new ListTagsForResourceCommand({ ResourceArn: task.arn }));
    expect(TagList).toMatchObject([
      { Key: 'org', Value: '42' },
      { Key: 'attempt', Value: '3' },
    ]);
    await task.remove();
  });

  test('the documented quotas are 60 instances, 100 endpoints an instance, 600 tasks, 200 tasks an instance', async () => {
    const folder = await makeTempFolder('dms-quotas-');
    const dms = await startDms({ baseDir: folder, instances: [] });
    const client = sdk(dms);
    const { AccountQuotas } = await client.send(new DescribeAccountAttributesCommand({}));
    expect(Object.fromEntries((AccountQuotas ?? []).map((quota) => [quota.AccountQuotaName, quota.Max]))).toMatchObject(
      {
        ReplicationInstances: 60,
        EndpointsPerInstance: 100,
        ReplicationTasks: 600,
      },
    );
    for (let n = 0; n < 60; n += 1) {
      await client.send(
        new CreateReplicationInstanceCommand({
          ReplicationInstanceIdentifier: `instance-${n}`,
          ReplicationInstanceClass: 'dms.t3.micro',
        }),
      );
    }
    const more = new CreateReplicationInstanceCommand({
      ReplicationInstanceIdentifier: 'one-more',
      ReplicationInstanceClass: 'dms.t3.micro',
    });
    expect(await faultName(client.send(more))).toBe('ResourceQuotaExceededFault');
    const { ReplicationInstances, Marker } = await client.send(
      new DescribeReplicationInstancesCommand({ MaxRecords: 20 }),
    );
    expect(ReplicationInstances).toHaveLength(20);
    expect(Marker).toBeDefined();
    client.destroy();
    await dms.stop();
    await removeFolder(folder);
  });
});

describe('pages and filters', () => {
  test('tasks: 20 to 100 a page, filters by id, ARN, endpoint and instance, nothing found is a fault; the quota holds', async () => {
    const tasks = await Promise.all(Array.from({ length: 35 }, (_, n) => createQuickly(`paged-${n}`)));
    expect(await faultName(createQuickly('one-too-many'))).toBe('ResourceQuotaExceededFault');
    for (const MaxRecords of [19, 101]) {
      expect(await faultName(lab.client.send(new DescribeReplicationTasksCommand({ MaxRecords })))).toBe(
        'InvalidParameterValueException',
      );
    }
    const seen: ReplicationTask[] = [];
    let Marker: string | undefined;
    let pages = 0;
    do {
      const page = await lab.client.send(
        new DescribeReplicationTasksCommand({
          MaxRecords: 20,
          WithoutSettings: true,
          ...(Marker === undefined ? {} : { Marker }),
        }),
      );
      expect(page.ReplicationTasks?.length).toBeLessThanOrEqual(20);
      seen.push(...(page.ReplicationTasks ?? []));
      Marker = page.Marker;
      pages += 1;
    } while (Marker !== undefined);
    expect(pages).toBe(2);
    expect(new Set(seen.map(({ ReplicationTaskArn }) => ReplicationTaskArn)).size).toBe(35);
    expect(seen[0]?.ReplicationTaskSettings).toBeUndefined();
    const by = async (Name: string, ...Values: string[]): Promise<number> => {
      const { ReplicationTasks } = await lab.client.send(
        new DescribeReplicationTasksCommand({ Filters: [{ Name, Values }] }),
      );
      return ReplicationTasks?.length ?? 0;
    };
    expect(await by('replication-task-id', 'paged-3', 'paged-4')).toBe(2);
    expect(await by('replication-task-arn', tasks[0]?.arn ?? '')).toBe(1);
    expect(await by('endpoint-arn', await lab.endpoint(lab.cluster, 'target'))).toBe(35);
    expect(await by('replication-instance-arn', lab.instanceArn)).toBe(35);
    expect(await faultName(by('replication-task-id', 'no-such'))).toBe('ResourceNotFoundFault');
    expect(await faultName(by('colour', 'blue'))).toBe('InvalidParameterValueException');
    await Promise.all(tasks.map((task) => task.remove()));
  });

  test('tables: 20 to 500 a page', async () => {
    const task = await lab.create({
      tables: Array.from({ length: 25 }, (_, n) => ({ schema: 'wire', table: `T${n}` })),
    });
    await task.run();
    const arn = { ReplicationTaskArn: task.arn };
    for (const MaxRecords of [19, 501]) {
      expect(await faultName(lab.client.send(new DescribeTableStatisticsCommand({ ...arn, MaxRecords })))).toBe(
        'InvalidParameterValueException',
      );
    }
    const first = await lab.client.send(new DescribeTableStatisticsCommand({ ...arn, MaxRecords: 20 }));
    expect(first.TableStatistics).toHaveLength(20);
    const rest = await lab.client.send(
      new DescribeTableStatisticsCommand({ ...arn, MaxRecords: 20, Marker: first.Marker ?? '' }),
    );
    expect(rest.TableStatistics).toHaveLength(5);
    expect(rest.Marker).toBeUndefined();
    expect(first.TableStatistics?.[0]).toMatchObject({ TableState: 'Table completed', ValidationState: 'Not enabled' });
    await task.remove();
  });

  async function createQuickly(identifier: string): Promise<Task> {
    return lab.create({ tables: [calls], ReplicationTaskIdentifier: identifier });
  }
});

describe('what goes wrong on the way', () => {
  test('throttling is answered with ThrottlingException "Rate exceeded"; the SDK retries it', async () => {
    await lab.dms.faults.throttle(1, 'DescribeEndpoints');
    const impatient = sdk(lab.dms, { maxAttempts: 1 });
    expect(await fault(impatient.send(new DescribeEndpointsCommand({})))).toEqual({
      name: 'ThrottlingException',
      message: 'Rate exceeded',
    });
    await lab.dms.faults.throttle(1, 'DescribeEndpoints');
    const { $metadata } = await lab.client.send(new DescribeEndpointsCommand({}));
    expect($metadata.attempts).toBe(2);
    await lab.dms.faults.apiRate(0, 3);
    const outcomes: string[] = [];
    for (let n = 0; n < 4; n += 1) {
      outcomes.push(
        await impatient.send(new DescribeEndpointsCommand({})).then(
          () => 'ok',
          (error: Error) => error.name,
        ),
      );
    }
    expect(outcomes).toEqual(['ok', 'ok', 'ok', 'ThrottlingException']);
    impatient.destroy();
  });

  test('a start whose answer is lost comes back as InvalidResourceStateFault: describe, then decide', async () => {
    for (const how of ['drop', '500'] as const) {
      const task = await lab.create({ tables: [calls] });
      await lab.dms.faults.loseReply('StartReplicationTask', 1, how);
      expect(await faultName(task.start())).toBe('InvalidResourceStateFault');
      await task.until('running');
      await task.remove();
    }
    await lab.dms.faults.loseReply('CreateReplicationTask');
    const ReplicationTaskIdentifier = unique('lost');
    const creation = lab.create({ tables: [calls], ReplicationTaskIdentifier });
    expect(await faultName(creation)).toBe('ResourceAlreadyExistsFault');
    const found = await pollUntil('the task that was created', async () => {
      const { ReplicationTasks } = await lab.client.send(new DescribeReplicationTasksCommand({}));
      return ReplicationTasks?.find((task) => task.ReplicationTaskIdentifier === ReplicationTaskIdentifier);
    });
    await pollUntil('it to be ready', async () => {
      return lab.client.send(new DeleteReplicationTaskCommand({ ReplicationTaskArn: found.ReplicationTaskArn })).then(
        () => true,
        (error: Error) => (error.name === 'InvalidResourceStateFault' ? undefined : Promise.reject(error)),
      );
    });
  });

  test('an unreachable service refuses or hangs; it comes back on the same address', async () => {
    const impatient = sdk(lab.dms, { maxAttempts: 1 });
    await lab.dms.faults.unreachable('refuse');
    expect(await fault(impatient.send(new DescribeEndpointsCommand({})))).toMatchObject({
      message: expect.stringMatching(/ECONNREFUSED|ECONNRESET/),
    });
    await lab.dms.faults.unreachable('hang');
    const abort = AbortSignal.timeout(300);
    const hanging = impatient.send(new DescribeEndpointsCommand({}), { abortSignal: abort });
    expect((await fault(hanging)).name).toBe('AbortError');
    await lab.dms.faults.unreachable('off');
    expect((await impatient.send(new DescribeEndpointsCommand({}))).Endpoints).toBeDefined();
    impatient.destroy();
  });

  test('deleting can be slow; a stopped task can resume by itself; a task can fail', async () => {
    const task = await lab.create({ tables: [calls], settings: SAFE_SETTINGS });
    await task.run();
    await lab.dms.faults.failTask('FATAL_ERROR', task.identifier, 'the disk is full');
    const failed = await task.until('failed');
    expect(failed.StopReason).toBe('Stop Reason FATAL_ERROR');
    expect(failed.LastFailureMessage).toBe('Last Error the disk is full Stop Reason FATAL_ERROR Error Level FATAL');
    await lab.dms.faults.selfResume(task.identifier);
    await task.until('running');
    await lab.dms.faults.failTask('RECOVERABLE_ERROR', task.identifier);
    expect((await task.until('failed')).StopReason).toBe('Stop Reason RECOVERABLE_ERROR');
    await lab.dms.faults.slowDelete(700, task.identifier);
    const start = performance.now();
    await task.remove();
    expect(performance.now() - start).toBeGreaterThan(650);
  });
});
