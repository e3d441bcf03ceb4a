import { afterEach, describe, expect, it } from 'vitest';
import { createReplication } from '../../src/adapters/dms/index.ts';
import { isTransient } from '../../src/errors/base.ts';
import { ReplicationRefusedError, ReplicationUnavailableError, TaskFailedError } from '../../src/errors/replication.ts';
import type { Replication, TaskPlan } from '../../src/ports/replication.ts';
import { fault, InMemoryDms, JumpingClock } from './inMemoryDms.ts';

const signal = new AbortController().signal;
const ref = { orgId: 42, homeRegion: 'eu-west-2', direction: 'forward', generation: 1 } as const;
const id = 'bigdb-org42-forward-g1';
const plan: TaskPlan = {
  ref,
  tables: [{ schema: 'BigDB', table: 'CdrTasks', orgColumn: 'OrgID' }],
  heartbeatSites: ['lon1', 'lon2'],
  largestLobBytes: 0,
};
let replication: Replication | undefined;

function open(dms: InMemoryDms, clock = new JumpingClock()): Replication {
  const endpoints = { sourceEndpointArn: 'source', targetEndpointArn: 'target' };
  replication = createReplication({
    regions: {
      'eu-west-2': { region: 'eu-west-2', replicationInstanceArn: 'rep', forward: endpoints, reverse: endpoints },
    },
    heartbeat: { schema: 'bigdb_cutover', table: 'heartbeat', orgColumn: 'org_id', siteColumn: 'site' },
    taskPrefix: 'bigdb',
    clock,
    pollIntervalMs: 1_000,
    connect: () => dms,
  });
  return replication;
}

/** Fails an operation the first `times` times, before or after it was carried out. */
function lose(dms: InMemoryDms, operation: string, when: 'before' | 'after', times: number, error = lost()): void {
  let left = times;
  dms[when] = (name) => {
    if (name !== operation || left === 0) return;
    left -= 1;
    throw error;
  };
}

function lost(): Error {
  return Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
}

afterEach(async () => {
  await replication?.close();
  replication = undefined;
});

describe('a change whose reply is lost', () => {
  it.each(['before', 'after'] as const)('%s it was carried out is found out by looking', async (when) => {
    const dms = new InMemoryDms();
    const opened = open(dms);
    lose(dms, 'CreateReplicationTask', when, 2);
    await opened.ensureTask(plan, signal);
    expect([...dms.tasks.keys()]).toEqual([id]);
    lose(dms, 'start-replication', when, 2);
    await opened.ensureStarted(ref, null, signal);
    expect(dms.tasks.get(id)?.status).toBe('running');
    expect(dms.calls).not.toContain('resume-processing');
    lose(dms, 'StopReplicationTask', when, 2);
    await opened.ensureGone(ref, signal);
    expect(dms.tasks.size).toBe(0);
  });

  it('of a delete means gone only when Describe agrees', async () => {
    const dms = new InMemoryDms();
    const opened = open(dms);
    await opened.ensureTask(plan, signal);
    lose(dms, 'DeleteReplicationTask', 'after', 1);
    await opened.ensureGone(ref, signal);
    expect(await opened.tasksOf(42, 'eu-west-2')).toEqual([]);
  });
});

describe('a Describe that lags behind', () => {
  it('does not make the task twice', async () => {
    const dms = new InMemoryDms();
    let looks = 0;
    dms.before = (operation) => {
      const task = dms.tasks.get(id);
      if (operation !== 'DescribeReplicationTasks' || task === undefined) return;
      looks += 1;
      task.shown = looks > 1;
    };
    await open(dms).ensureTask(plan, signal);
    expect(dms.count('CreateReplicationTask')).toBe(1);
  });

  it('does not hide a task that was made a moment ago from those who delete rows', async () => {
    const dms = new InMemoryDms();
    const opened = open(dms);
    await opened.ensureTask(plan, signal);
    const task = dms.tasks.get(id);
    if (task === undefined) throw new Error('there is no task');
    task.shown = false;
    let looks = 0;
    dms.before = (operation) => {
      if (operation === 'DescribeReplicationTasks') looks += 1;
      task.shown = looks > 1;
    };
    expect(await opened.tasksOf(42, 'eu-west-2')).toEqual([id]);
    looks = 0;
    await opened.ensureGone(ref, signal);
    expect(dms.tasks.size).toBe(0);
  });
});

describe('a task that does not do as it is told', () => {
  it('is stopped again when it resumes itself before the delete', async () => {
    const dms = new InMemoryDms();
    const opened = open(dms);
    await opened.ensureTask(plan, signal);
    await opened.ensureStarted(ref, null, signal);
    let resumed = false;
    dms.before = (operation) => {
      const task = dms.tasks.get(id);
      if (operation !== 'DeleteReplicationTask' || resumed || task === undefined) return;
      resumed = true;
      task.status = 'running';
    };
    await opened.ensureGone(ref, signal);
    expect(dms.count('StopReplicationTask')).toBe(2);
    expect(dms.tasks.size).toBe(0);
  });

  it('is refused when it did not take a hazardous setting', async () => {
    const dms = new InMemoryDms();
    dms.after = (operation) => {
      const task = dms.tasks.get(id);
      if (operation !== 'CreateReplicationTask' || task === undefined) return;
      task.settings = task.settings.replace('"DO_NOTHING"', '"DROP_AND_CREATE"');
    };
    const refusal = open(dms).ensureTask(plan, signal);
    await expect(refusal).rejects.toThrow(ReplicationRefusedError);
    await expect(refusal).rejects.toThrow('TargetTablePrepMode is "DROP_AND_CREATE" instead of "DO_NOTHING"');
    expect(dms.calls).not.toContain('start-replication');
  });

  it('is refused when it is there with another selection', async () => {
    const dms = new InMemoryDms();
    const opened = open(dms);
    await opened.ensureTask(plan, signal);
    await expect(opened.ensureTask({ ...plan, heartbeatSites: ['eu-west-2'] }, signal)).rejects.toThrow(
      'table mappings',
    );
  });

  it('is an error when DMS goes on refusing the change', async () => {
    const dms = new InMemoryDms();
    const opened = open(dms);
    await opened.ensureTask(plan, signal);
    lose(dms, 'start-replication', 'before', Number.POSITIVE_INFINITY, fault('InvalidResourceStateFault'));
    await expect(opened.ensureStarted(ref, null, signal)).rejects.toThrow(ReplicationRefusedError);
    expect(dms.count('start-replication')).toBe(5);
  });

  it('fails where it is not there at all', async () => {
    await expect(open(new InMemoryDms()).ensureStarted(ref, null, signal)).rejects.toThrow(TaskFailedError);
  });
});

describe('a service that does not answer', () => {
  it('is asked less and less often, and becomes an error that may pass', async () => {
    const dms = new InMemoryDms();
    const clock = new JumpingClock();
    const began = clock.monotonicMs();
    lose(dms, 'DescribeReplicationTasks', 'before', Number.POSITIVE_INFINITY, fault('ThrottlingException'));
    const failure = await open(dms, clock)
      .ensureGone(ref, signal)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ReplicationUnavailableError);
    expect(isTransient(failure)).toBe(true);
    expect(clock.monotonicMs() - began).toBeGreaterThanOrEqual(60_000);
    expect(dms.calls.length).toBeLessThan(15);
  });

  it('lets a caller go at once when its signal is aborted', async () => {
    const dms = new InMemoryDms();
    const abort = new AbortController();
    dms.before = () => abort.abort(new Error('paused'));
    await expect(open(dms).ensureGone(ref, abort.signal)).rejects.toThrow('paused');
  });

  it('is not asked again after it refused the credentials', async () => {
    const dms = new InMemoryDms();
    lose(dms, 'DescribeReplicationTasks', 'before', Number.POSITIVE_INFINITY, fault('AccessDeniedFault'));
    await expect(open(dms).ensureGone(ref, signal)).rejects.toThrow(ReplicationRefusedError);
    expect(dms.calls).toEqual(['DescribeReplicationTasks']);
  });
});

describe('the poller', () => {
  it('serves fifty orgs with one Describe each second, whatever they wait for', async () => {
    const dms = new InMemoryDms();
    const clock = new JumpingClock();
    const opened = open(dms, clock);
    const began = clock.monotonicMs();
    const orgs = Array.from({ length: 50 }, (_, index) => ({ ...ref, orgId: index + 1 }));
    await Promise.all(orgs.map((one) => opened.ensureTask({ ...plan, ref: one }, signal)));
    await Promise.all(orgs.map((one) => opened.ensureStarted(one, null, signal)));
    const sweeps = dms.count('DescribeReplicationTasks') - orgs.length;
    const seconds = (clock.monotonicMs() - began) / 1_000;
    expect(sweeps).toBeLessThanOrEqual(Math.ceil(seconds) + 1);
    expect(dms.calls.length).toBeLessThanOrEqual(50 + seconds * 4 + 1);
  });

  it('pages through more tasks than one reply holds', async () => {
    const dms = new InMemoryDms();
    const opened = open(dms);
    for (let org = 1; org <= 250; org += 1) await seed(dms, `bigdb-org${org}-forward-g1`);
    expect(await opened.tasksOf(250, 'eu-west-2')).toEqual(['bigdb-org250-forward-g1']);
    expect(dms.count('DescribeReplicationTasks')).toBe(3);
  });

  it('rests when nobody looks', async () => {
    const dms = new InMemoryDms();
    const clock = new JumpingClock();
    const opened = open(dms, clock);
    await seed(dms, id);
    expect(await opened.observe(ref)).toMatchObject({ status: 'ready' });
    await clock.sleep(600_000);
    const calls = dms.calls.length;
    // The lease of one observation: four slow intervals of five seconds.
    expect(calls).toBeLessThanOrEqual(6);
    await clock.sleep(600_000);
    expect(dms.calls.length).toBe(calls);
  });

  it('goes on watching for an observer through a silence that outlasts a lease', async () => {
    const dms = new InMemoryDms();
    const opened = open(dms);
    await seed(dms, id);
    Object.assign(dms.tasks.get(id) ?? {}, { status: 'running' });
    // Nine backoffs, the last of ten seconds: half a minute, and the lease is for twenty seconds.
    lose(dms, 'DescribeReplicationTasks', 'before', 9);
    expect((await opened.observe(ref))?.tables).toHaveLength(1);
  });

  it('shows an observer the same sweep as everybody else', async () => {
    const dms = new InMemoryDms();
    const opened = open(dms);
    await seed(dms, id);
    await opened.observe(ref);
    const calls = dms.calls.length;
    const again = await Promise.all([opened.observe(ref), opened.observe(ref), opened.observe(ref)]);
    expect(again.every((state) => state?.status === 'ready')).toBe(true);
    expect(dms.calls.length).toBe(calls);
    expect(await opened.observe({ ...ref, orgId: 4 })).toBeNull();
  });
});

async function seed(dms: InMemoryDms, taskId: string): Promise<void> {
  await dms.createTask({
    taskId,
    instanceArn: 'rep',
    sourceEndpointArn: 'source',
    targetEndpointArn: 'target',
    migrationType: 'full-load-and-cdc',
    tableMappings: '{"rules":[]}',
    settings: '{}',
    tags: {},
  });
  dms.calls.length = 0;
}
