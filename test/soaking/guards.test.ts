import { readFile } from 'node:fs/promises';
import { createConnection } from 'mysql2/promise';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onServer } from '../../infra/lab/databases/index.ts';
import type { Lab } from '../../infra/lab/estate/lab.ts';
import { parseConfig } from '../../src/config/index.ts';
import { openEstate } from '../../src/controller.ts';
import type { Estate } from '../../src/estate/estate.ts';
import type { TimelineEvent } from '../../src/service/status.ts';
import { type GuardLab, startGuardLab } from './lab.ts';

const homeRegion = 'eu-west-2';
let world: GuardLab;

/** Everything alerts unless an org asks for more. */
const policy = {
  onReverseLag: 'alert',
  reverseLagMs: 1_000,
  reverseLagForMs: 1_000,
  onTaskFailed: 'alert',
  taskFailedForMs: 1_000,
  onUnhealthy: 'alert',
  unhealthyForMs: 1_000,
  onErrorRate: 'alert',
  errorRateForMs: 3_000,
  soakMs: 600_000,
  flipTries: 20,
} as const;

beforeAll(async () => {
  world = await startGuardLab({ orgs: 8, rows: 200, policy }, 1);
});
afterAll(() => world?.stop());

const alertsOf = (events: readonly TimelineEvent[], code: string) =>
  events.filter(({ type, data }) => type === 'note' && data.code === code);
const failureOf = (events: readonly TimelineEvent[], code: string) =>
  events.map(({ data }) => data.failure as Failure | undefined).find((failure) => failure?.code === code);
interface Failure {
  readonly code: string;
  readonly details: { readonly samples: readonly { readonly at: string; readonly value: number | string }[] };
}
const rolledBack = (id: string) => world.until(id, 'rolledBack', ({ state }) => state === 'rolledBack');
const orgAt = (index: number) => world.lab.orgs[index]?.orgId ?? 0;
const onCluster = (sql: string) =>
  onServer(
    world.lab.clusters[0]?.server ?? expect.unreachable('the lab has a cluster'),
    async (connection) => void (await connection.query(sql)),
  );

describe('the way back', () => {
  it('is proven over one task, whoever asks first; one that failed is made anew', async () => {
    const { lab } = world;
    const asked = async () => {
      const estates = [openLabEstate(lab), openLabEstate(lab)];
      try {
        await Promise.all(
          estates.map(({ returnPath }) => returnPath.assertProven(homeRegion, AbortSignal.timeout(20_000))),
        );
      } finally {
        await Promise.all(estates.map(closeEstate));
      }
      const { tasks } = await lab.dms.faults.state();
      return tasks.filter(({ identifier }) => identifier.startsWith('bigdb-org0-'));
    };
    const task = { identifier: 'bigdb-org0-reverse-g1-eu-west-2', status: 'running' };
    expect(await asked()).toEqual([expect.objectContaining(task)]);
    await lab.dms.faults.failTask('FATAL_ERROR', 'bigdb-org0-');
    expect(await asked()).toEqual([expect.objectContaining(task)]);
  });

  it('is proven before the first hold: a flip waits with the code, then goes on', async () => {
    const { api, lab, until, toReady } = world;
    await lab.dms.faults.holdApply(true, 'bigdb-org0-');
    const id = await toReady(orgAt(0));
    await api.command(id, 'approve');
    const waiting = await until(id, 'waiting', ({ reason }) => reason?.code === 'RETURN_PATH_UNPROVEN');
    expect(waiting.serving).toBe('source');
    expect(waiting.reason?.message).toContain('lon1');
    expect((await api.events(id)).filter(({ state }) => state === 'flipping.hold')).toEqual([]);
    await lab.dms.faults.holdApply(false, 'bigdb-org0-');
    await until(id, 'soaking', ({ state }) => state.startsWith('soaking'));
    const tasks = (await lab.dms.faults.state()).tasks.filter(({ identifier }) => identifier.includes('org0-'));
    expect(tasks.map(({ identifier }) => identifier)).toEqual(['bigdb-org0-reverse-g1-eu-west-2']);
  });
});

describe('an org on the cluster', () => {
  it('goes back by itself from a cluster that refuses writes, or alerts as its policy says', async () => {
    const { api, toSoaking, until } = world;
    const [back, stays] = await Promise.all([toSoaking(orgAt(1), { onUnhealthy: 'rollback' }), toSoaking(orgAt(2))]);
    await onCluster('SET GLOBAL read_only = ON');
    await until(back, 'rolling back', ({ state }) => state.startsWith('rollingBack'));
    const tripped = failureOf(await api.events(back), 'CLUSTER_UNHEALTHY');
    expect(tripped?.details.samples.map(({ value }) => value)).toContain('read-only');
    await expect
      .poll(async () => alertsOf(await api.events(stays), 'CLUSTER_UNHEALTHY').length, { timeout: 10_000 })
      .toBe(1);
    await onCluster('SET GLOBAL read_only = OFF');
    await rolledBack(back);
    expect((await api.get(stays)).state).toContain('soaking');
  });

  it('with a reverse task that failed alerts, or waits for an operator on its way back', async () => {
    const { api, lab, toSoaking, until } = world;
    const [back, stays] = await Promise.all([toSoaking(orgAt(3), { onTaskFailed: 'rollback' }), toSoaking(orgAt(4))]);
    await lab.dms.faults.failTask('FATAL_ERROR', `bigdb-org${orgAt(3)}-reverse`);
    await lab.dms.faults.failTask('FATAL_ERROR', `bigdb-org${orgAt(4)}-reverse`);
    const stuck = await until(back, 'waiting for an operator', ({ state }) => state === 'needsOperator');
    expect(stuck).toMatchObject({ serving: 'cluster', reason: { code: 'TASK_FAILED' } });
    expect(failureOf(await api.events(back), 'REVERSE_TASK_FAILED')?.details.samples.length).toBeGreaterThan(1);
    await expect
      .poll(async () => alertsOf(await api.events(stays), 'REVERSE_TASK_FAILED').length, { timeout: 10_000 })
      .toBe(1);
    expect((await api.get(stays)).state).toContain('soaking');
  });

  it('goes back when its clients meet more errors than before the flip', async () => {
    const { api, lab, toSoaking, until } = world;
    const org = lab.orgs[5];
    const [proxy] = lab.proxies;
    if (org === undefined || proxy === undefined) return expect.unreachable('the lab has orgs and proxies');
    const id = await toSoaking(org.orgId, { onErrorRate: 'rollback' });
    const client = await createConnection({
      host: proxy.host,
      port: proxy.port,
      user: org.user,
      password: org.password,
      database: org.database,
    });
    try {
      const failing = async () => {
        const error = await client.query('SELECT no_such_column FROM CdrTasks LIMIT 1').catch((caught) => caught);
        expect(error).toMatchObject({ code: 'ER_BAD_FIELD_ERROR' });
        return (await api.get(id)).state;
      };
      await expect.poll(failing, { timeout: 20_000, interval: 100 }).toContain('rollingBack');
    } finally {
      await client.end();
    }
    const tripped = failureOf(await api.events(id), 'ERROR_RATE_HIGH');
    expect(Number(tripped?.details.samples.at(-1)?.value)).toBeGreaterThan(60);
    await until(id, 'rolledBack', ({ state }) => state === 'rolledBack');
  });
});

describe('orgs of one cluster that trip together', () => {
  it('go back one after the other, and one alert says so', async () => {
    const { api, controller, lab, toSoaking, until } = world;
    const orgs = [orgAt(6), orgAt(7)];
    const ids = await Promise.all(orgs.map((orgId) => toSoaking(orgId, { onReverseLag: 'rollback' })));
    for (const orgId of orgs) await lab.dms.faults.applyLag(4_000, `bigdb-org${orgId}-reverse`);
    await Promise.all(ids.map((id) => until(id, 'on its way back', ({ state }) => state === 'rollingBack.catchUp')));
    const queued = (waitsFor: string | null) => waitsFor?.startsWith('its turn') === true;
    const waiting = async () => {
      const statuses = await Promise.all(ids.map((id) => api.get(id)));
      return statuses.filter(({ waitsFor }) => queued(waitsFor)).map(({ id }) => id);
    };
    await expect.poll(async () => (await waiting()).length, { timeout: 10_000 }).toBe(1);
    const [second] = await waiting();
    expect(alertsOf(await api.events(second ?? ''), 'ROLLBACK_QUEUED')).toHaveLength(1);
    for (const orgId of orgs) await lab.dms.faults.applyLag(0, `bigdb-org${orgId}-reverse`);
    await Promise.all(ids.map(rolledBack));
    const log = await readFile(controller.logFile, 'utf8');
    const alerts = log.split('\n').filter((line) => line.includes('"ROLLBACK_QUEUED"') && line.includes('"level":50'));
    expect(alerts).toHaveLength(1);
    expect(alerts[0]).toContain(homeRegion);
  });
});

/** What a controller of the lab would have, without the controller. */
function openLabEstate(lab: Lab): Estate {
  const { text, env } = lab.config('guards');
  return openEstate(parseConfig(text, { file: 'lab.yaml', folder: lab.baseDir, env }), pino({ level: 'silent' }));
}

async function closeEstate(estate: Estate): Promise<void> {
  await estate.returnPath.close();
  estate.routing.close();
  const places = [...estate.sites, ...estate.clusters.values()];
  await Promise.all([estate.replication, estate.directory, estate.store, ...places].map((one) => one.close()));
}
