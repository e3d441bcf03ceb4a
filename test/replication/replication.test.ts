import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { taskIdOf } from '../../src/adapters/dms/index.ts';
import {
  ReplicationConnectionError,
  ReplicationRefusedError,
  ReplicationUnavailableError,
  TaskFailedError,
} from '../../src/errors/replication.ts';
import type { Replication, TaskRef, TaskState } from '../../src/ports/replication.ts';
import { count, fill, homeRegion, type Lab, planOf, refOf, rowsOf, startLab } from './lab.ts';

const signal = AbortSignal.timeout(110_000);
let lab: Lab;
let replication: Replication;
/** Every test has orgs of its own, among them some whose numbers begin alike. */
let nextOrg = 4;

beforeAll(async () => {
  lab = await startLab();
  replication = lab.open();
});
afterAll(async () => {
  await lab?.close();
});
beforeEach(async () => {
  await lab.dms.faults.clear();
});

function takeOrg(): number {
  nextOrg += 1;
  return nextOrg;
}

const idOf = (ref: TaskRef) => taskIdOf('bigdb', ref);

/** Creates, starts and loads. */
async function load(ref: TaskRef, onProgress: (state: TaskState) => void = () => {}): Promise<TaskState> {
  await replication.ensureTask(planOf(ref), signal);
  await replication.ensureStarted(ref, null, signal);
  return replication.waitFullLoad(ref, signal, onProgress);
}

async function inStep(orgId: number): Promise<void> {
  await pollUntil(`org ${orgId} to be the same at both places`, async () => {
    const [here, there] = await Promise.all([rowsOf(lab.site, orgId), rowsOf(lab.cluster, orgId)]);
    return here.length > 0 && JSON.stringify(here) === JSON.stringify(there);
  });
}

describe('forward', () => {
  it('loads and follows only the org’s rows, and only the sites’ heartbeats', async () => {
    for (const orgId of [4, 42, 420]) await fill(lab.site, orgId, 300);
    nextOrg = 420;
    const seen: number[] = [];
    const state = await load(refOf(42), (progress) => seen.push(progress.fullLoadPercent));
    expect(state).toMatchObject({ status: 'running', fullLoadPercent: 100, erroredTables: [] });
    expect(state.tables.map(({ table, fullLoadRows }) => [table, fullLoadRows]).sort()).toEqual([
      ['ApplicationBlob', 1],
      ['CdrTasks', 300],
      ['heartbeat', 2],
    ]);
    expect(seen.at(-1)).toBe(100);
    await lab.site.query('INSERT INTO BigDB.CdrTasks VALUES (42, 1000, ?), (420, 1000, ?)', ['new', 'new']);
    await lab.site.query("UPDATE BigDB.CdrTasks SET Status = 'done' WHERE TaskID <= 10");
    await lab.site.query('DELETE FROM BigDB.CdrTasks WHERE TaskID = 11');
    await lab.site.query('UPDATE bigdb_cutover.heartbeat SET seq = 9');
    await inStep(42);
    await pollUntil(
      'the heartbeat to arrive',
      async () =>
        (await count(lab.cluster, "SELECT MIN(seq) FROM bigdb_cutover.heartbeat WHERE site LIKE 'lon%'")) === 9,
    );
    expect(await count(lab.cluster, 'SELECT COUNT(*) FROM BigDB.CdrTasks WHERE OrgID <> 42')).toBe(0);
    expect(await count(lab.cluster, 'SELECT COUNT(*) FROM BigDB.CdrTasks')).toBe(300);
    expect(await count(lab.cluster, 'SELECT COUNT(*) FROM bigdb_cutover.heartbeat')).toBe(2);
    // LOBs over the default of 32 KB are whole.
    expect(await count(lab.cluster, 'SELECT LENGTH(Data) FROM BigDB.ApplicationBlob')).toBe(100_000);
    await replication.ensureGone(refOf(42), signal);
  });

  it('goes on after a restart in the middle of the load, and loads nothing twice', async () => {
    const orgId = takeOrg();
    const ref = refOf(orgId);
    await fill(lab.site, orgId, 60_000);
    const first = lab.open();
    await first.ensureTask(planOf(ref), signal);
    await first.ensureStarted(ref, null, signal);
    await first.close();
    const { tasks } = await lab.dms.faults.state();
    const loading = tasks.find(({ identifier }) => identifier === idOf(ref))?.tables;
    expect(loading?.some(({ state }) => state !== 'Table completed')).toBe(true);
    const second = lab.open();
    await second.ensureTask(planOf(ref), signal);
    await second.ensureStarted(ref, null, signal);
    const state = await second.waitFullLoad(ref, signal, () => {});
    expect(state.tables.find(({ table }) => table === 'CdrTasks')?.fullLoadRows).toBe(60_000);
    await inStep(orgId);
    await second.ensureGone(ref, signal);
  });

  it('survives writes during the load', async () => {
    const orgId = takeOrg();
    const ref = refOf(orgId);
    await fill(lab.site, orgId, 5_000);
    const loading = load(ref);
    let ended = false;
    const end = () => {
      ended = true;
    };
    loading.then(end, end);
    for (let id = 10_000; !ended; id += 1) {
      await lab.site.query('INSERT INTO BigDB.CdrTasks VALUES (?, ?, ?)', [orgId, id, 'new']);
      await lab.site.query('UPDATE BigDB.CdrTasks SET Status = ? WHERE OrgID = ? AND TaskID = ?', [
        'x',
        orgId,
        id - 9_000,
      ]);
      await lab.site.query('DELETE FROM BigDB.CdrTasks WHERE OrgID = ? AND TaskID = ?', [orgId, id - 6_000]);
    }
    await loading;
    await inStep(orgId);
    expect((await replication.observe(ref))?.status).toBe('running');
    await replication.ensureGone(ref, signal);
  });
});

describe('reverse', () => {
  it('carries the cluster’s changes from the position on, and nothing from before', async () => {
    const orgId = takeOrg();
    const ref = refOf(orgId, 7, 'reverse');
    await fill(lab.site, orgId, 10);
    await fill(lab.cluster, orgId, 10);
    await replication.ensureTask(planOf(ref), signal);
    const [rows] = await lab.cluster
      .query<never[]>('SHOW BINARY LOG STATUS')
      .catch(() => lab.cluster.query<never[]>('SHOW MASTER STATUS'));
    const { File: file, Position: position } = rows[0] as unknown as { File: string; Position: number };
    await lab.cluster.query("UPDATE BigDB.CdrTasks SET Status = 'back' WHERE OrgID = ?", [orgId]);
    await replication.ensureStarted(ref, { file, position: Number(position), gtid: '' }, signal);
    await inStep(orgId);
    await lab.cluster.query('DELETE FROM BigDB.CdrTasks WHERE OrgID = ? AND TaskID < 5', [orgId]);
    await inStep(orgId);
    expect(await replication.observe(ref)).toMatchObject({ status: 'running', erroredTables: [] });
    await replication.ensureGone(ref, signal);
  });

  it('is refused without a position, and a forward task with one', async () => {
    const from = { file: 'binlog.000001', position: 4, gtid: '' };
    await expect(replication.ensureStarted(refOf(1, 1, 'reverse'), null, signal)).rejects.toThrow(
      ReplicationRefusedError,
    );
    await expect(replication.ensureStarted(refOf(1), from, signal)).rejects.toThrow(ReplicationRefusedError);
  });
});

describe('lost replies and throttling', () => {
  it.each(['drop', '500'] as const)('are seen through (%s)', async (how) => {
    const orgId = takeOrg();
    const ref = refOf(orgId);
    await fill(lab.site, orgId, 50);
    for (const operation of [
      'CreateReplicationTask',
      'StartReplicationTask',
      'StopReplicationTask',
      'DeleteReplicationTask',
      'DescribeReplicationTasks',
      'DescribeTableStatistics',
    ]) {
      await lab.dms.faults.set({ kind: 'lostReply', operation, calls: 1, how });
    }
    const state = await load(ref);
    expect(state.tables.find(({ table }) => table === 'CdrTasks')?.fullLoadRows).toBe(50);
    await inStep(orgId);
    await replication.ensureGone(ref, signal);
    expect(await replication.tasksOf(orgId, homeRegion)).toEqual([]);
  });

  it('of every operation end with the task as it should be', async () => {
    const orgId = takeOrg();
    const ref = refOf(orgId);
    await fill(lab.site, orgId, 50);
    await lab.dms.faults.set({ kind: 'throttle', operation: '*', calls: 6 });
    await load(ref);
    await lab.dms.faults.set({ kind: 'throttle', operation: 'StopReplicationTask', calls: 2 });
    await lab.dms.faults.set({ kind: 'throttle', operation: 'DeleteReplicationTask', calls: 2 });
    await replication.ensureGone(ref, signal);
    expect(await replication.observe(ref)).toBeNull();
  });
});

describe('a service that is away', () => {
  it.each(['refuse', 'hang'] as const)('for a while (%s) only takes time', async (how) => {
    const ref = refOf(takeOrg());
    await fill(lab.site, ref.orgId, 10);
    const warnings: string[] = [];
    const logger = { info: () => {}, warn: (_fields: object, message: string) => void warnings.push(message) };
    const patient = lab.open({ logger, requestTimeoutMs: 200 });
    await lab.dms.faults.unreachable(how);
    const made = patient.ensureTask(planOf(ref), signal);
    await pollUntil('three calls to fail', async () => warnings.length >= 3);
    await lab.dms.faults.unreachable('off');
    await made;
    expect(await patient.tasksOf(ref.orgId, homeRegion)).toEqual([idOf(ref)]);
    await patient.ensureGone(ref, signal);
  });

  it('for too long is an error that says so; findings ask once, for who asks for them asks again', async () => {
    const impatient = lab.open({ giveUpAfterMs: 200 });
    await lab.dms.faults.unreachable('refuse');
    await expect(impatient.tasksOf(1, homeRegion)).rejects.toThrow(ReplicationUnavailableError);
    await expect(impatient.findings(homeRegion)).rejects.toThrow(ReplicationUnavailableError);
  });
});

describe('a failure', () => {
  it('of the task is a TaskFailedError that says why', async () => {
    const orgId = takeOrg();
    const ref = refOf(orgId);
    await fill(lab.site, orgId, 50);
    await load(ref);
    await lab.dms.faults.set({ kind: 'taskFailure', task: idOf(ref), reason: 'FATAL_ERROR' });
    await pollUntil('the task to fail', async () => (await replication.observe(ref))?.status === 'failed');
    expect(await replication.observe(ref)).toMatchObject({ stopReason: expect.stringContaining('FATAL_ERROR') });
    await expect(replication.ensureStarted(ref, null, signal)).rejects.toThrow(TaskFailedError);
    await expect(replication.waitFullLoad(ref, signal, () => {})).rejects.toThrow(/FATAL_ERROR/);
    await replication.ensureGone(ref, signal);
  });

  it('of a table ends the wait, though the load may show 100 %', async () => {
    const orgId = takeOrg();
    const ref = refOf(orgId);
    await fill(lab.site, orgId, 50);
    await lab.dms.faults.set({ kind: 'tableError', task: idOf(ref), table: 'ApplicationBlob' });
    await expect(load(ref)).rejects.toThrow(TaskFailedError);
    await replication.ensureGone(ref, signal);
  });

  it('by rows that are there already is seen, and not papered over', async () => {
    const orgId = takeOrg();
    const ref = refOf(orgId);
    await fill(lab.site, orgId, 50);
    await lab.cluster.query('INSERT INTO BigDB.CdrTasks VALUES (?, 7, ?)', [orgId, 'left over']);
    await expect(load(ref)).rejects.toThrow(TaskFailedError);
    await replication.ensureGone(ref, signal);
  });

  it('of the connection test names the endpoint, and makes no task', async () => {
    const ref = refOf(takeOrg());
    const broken = lab.open({ regions: { [homeRegion]: withSource(lab.brokenEndpointArn) } });
    const refusal = broken.ensureTask(planOf(ref), signal);
    await expect(refusal).rejects.toThrow(ReplicationConnectionError);
    await expect(refusal).rejects.toThrow(lab.brokenEndpointArn);
    expect(await broken.tasksOf(ref.orgId, homeRegion)).toEqual([]);
    const found = await broken.findings(homeRegion);
    expect(found.map(({ code }) => code)).toEqual(['DMS_CONNECTION_FAILED']);
  });

  it('of the configuration is found before anything is made', async () => {
    const nowhere = `${lab.region.forward.sourceEndpointArn}X`;
    const wrong = lab.open({
      regions: { [homeRegion]: { ...withSource(nowhere), replicationInstanceArn: 'arn:aws:dms:x:1:rep:NONE' } },
    });
    const found = await wrong.findings(homeRegion);
    const codes = found.filter(({ severity }) => severity === 'refuse').map(({ code }) => code);
    expect(codes).toEqual(['DMS_INSTANCE_MISSING', 'DMS_ENDPOINT_MISSING']);
    await expect(wrong.ensureTask(planOf(refOf(takeOrg())), signal)).rejects.toThrow(ReplicationRefusedError);
    await expect(wrong.findings('eu-north-1')).rejects.toThrow(ReplicationRefusedError);
  });
});

describe('removing', () => {
  it('waits for a slow delete until Describe no longer shows the task', async () => {
    const orgId = takeOrg();
    const ref = refOf(orgId);
    await fill(lab.site, orgId, 10);
    await load(ref);
    await lab.dms.faults.set({ kind: 'slowDelete', task: idOf(ref), ms: 1_500 });
    const gone = replication.ensureGone(ref, signal);
    await pollUntil('the delete to begin', async () => (await replication.observe(ref))?.status === 'deleting');
    expect(await replication.tasksOf(orgId, homeRegion)).toEqual([idOf(ref)]);
    await gone;
    expect(await replication.tasksOf(orgId, homeRegion)).toEqual([]);
    await replication.ensureGone(ref, signal);
  });

  it('works on a task that was never started, and from another controller at the same time', async () => {
    const ref = refOf(takeOrg());
    await replication.ensureTask(planOf(ref), signal);
    const other = lab.open();
    await Promise.all([replication.ensureGone(ref, signal), other.ensureGone(ref, signal)]);
    expect(await other.tasksOf(ref.orgId, homeRegion)).toEqual([]);
  });
});

describe('findings', () => {
  it('are none where all is well, and change nothing', async () => {
    const ref = refOf(takeOrg());
    await replication.ensureTask(planOf(ref), signal);
    await replication.ensureTask(planOf(refOf(ref.orgId, 1, 'reverse')), signal);
    expect(await replication.findings(homeRegion)).toEqual([]);
    await replication.ensureGone(ref, signal);
    await replication.ensureGone(refOf(ref.orgId, 1, 'reverse'), signal);
  });
});

describe('fifty tasks', () => {
  it('are loaded, watched and removed within the rate of the API', async () => {
    const perSecond = 60;
    const refusals: object[] = [];
    const logger = { info: () => {}, warn: (fields: object) => void refusals.push(fields) };
    const many = lab.open({ apiRate: { burst: 60, perSecond }, pollIntervalMs: 200, logger });
    await lab.dms.faults.set({ kind: 'apiRate', perSecond: perSecond + 20, capacity: 140 });
    const refs = Array.from({ length: 50 }, () => refOf(takeOrg()));
    for (const { orgId } of refs) await fill(lab.site, orgId, 5);
    await Promise.all(
      refs.map(async (ref) => {
        await many.ensureTask(planOf(ref), signal);
        await many.ensureStarted(ref, null, signal);
        await many.waitFullLoad(ref, signal, () => {});
      }),
    );
    const states = await Promise.all(refs.map((ref) => many.observe(ref)));
    expect(states.every((state) => state?.status === 'running' && state.tables.length === 3)).toBe(true);
    expect(await count(lab.cluster, 'SELECT COUNT(*) FROM BigDB.CdrTasks WHERE OrgID >= ?', [refs[0]?.orgId])).toBe(
      250,
    );
    await Promise.all(refs.map((ref) => many.ensureGone(ref, signal)));
    expect(await many.tasksOf(refs[0]?.orgId ?? 0, homeRegion)).toEqual([]);
    // The service would have throttled a little above our own rate.
    expect(refusals).toEqual([]);
  });
});

function withSource(sourceEndpointArn: string) {
  return { ...lab.region, forward: { ...lab.region.forward, sourceEndpointArn } };
}
