import { randomBytes } from 'node:crypto';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DatabaseServer, onServer, pollUntil } from '../../infra/lab/databases/index.ts';
import { ApiRefusal } from '../../infra/lab/demo/api.ts';
import { type GuardLab, startGuardLab } from './lab.ts';

let world: GuardLab;

beforeAll(async () => {
  const policy = { soakMs: 600_000, flipTries: 2, flipBackoffMs: 200 };
  world = await startGuardLab({ orgs: 6, rows: 100, policy }, 10);
});
afterAll(() => world?.stop());

const orgAt = (index: number) => world.lab.orgs[index] ?? expect.unreachable('the lab has six orgs');
const cluster = () => world.lab.clusters[0]?.server ?? expect.unreachable('the lab has a cluster');
const run = (server: DatabaseServer, sql: string) =>
  onServer(server, async (connection) => void (await connection.query(sql)));

const sites = () => world.lab.sites.sites.map(({ server }) => server) as [DatabaseServer, DatabaseServer];

/** At one site: master-master replication carries it to the other one. */
async function atSites(sql: string): Promise<void> {
  await run(sites()[0], sql);
  await world.lab.sites.waitUntilInStep();
}
const atCluster = (sql: string) => run(cluster(), sql);

/** The problem with which the acceptance is refused. */
async function refused(id: string): Promise<ApiRefusal> {
  const error = await world.api.acceptSchema(id).catch((reason: unknown) => reason);
  if (error instanceof ApiRefusal) return error;
  throw new Error(`not refused: ${String(error)}`);
}

describe('a schema that changes before the hold', () => {
  it('stops in front of the hold, naming table, column and place; goes on by itself once accepted', async () => {
    const { api, toReady, until } = world;
    const [approved, waiting] = await Promise.all([
      toReady(orgAt(0).orgId),
      toReady(orgAt(1).orgId, { schemaCheckMs: 500 }),
    ]);
    await atSites('ALTER TABLE BigDB.CdrTasks ADD COLUMN Shade INT NULL');
    await api.command(approved, 'approve');
    const isDrifted = ({ state }: { state: string }) => state === 'drifted';
    const stopped = await until(approved, 'stopped', isDrifted);
    expect(stopped).toMatchObject({ serving: 'source', reason: { code: 'SCHEMA_DRIFT' } });
    expect(stopped.reason?.message).toContain('lon1: CdrTasks.Shade was added');
    expect(stopped.reason?.message).toContain('lon2: CdrTasks.Shade was added');
    // The one that nobody has approved yet does not wait for the flip to be told.
    await until(waiting, 'stopped in ready', isDrifted);

    const refusal = await refused(approved);
    expect(refusal.status).toBe(409);
    expect(refusal.problem).toMatchObject({
      code: 'SHAPES_DIFFER',
      details: { differences: [expect.stringContaining('CdrTasks.Shade is missing at')] },
    });
    await until(
      approved,
      'told what is missing',
      ({ waitsFor }) => waitsFor?.startsWith('the sides to agree') === true,
    );

    await atCluster('ALTER TABLE BigDB.CdrTasks ADD COLUMN Shade INT NULL');
    expect((await api.get(approved)).state).toBe('drifted');
    await api.acceptSchema(approved, 'CHG-7');
    await until(approved, 'soaking', ({ state }) => state.startsWith('soaking'));
    const events = await api.events(approved);
    const held = events.findIndex(({ state }) => state === 'flipping.hold');
    const accepted = events.findIndex(({ data }) => data.command === 'schema accept');
    expect(held).toBeGreaterThan(accepted);
    expect(events[accepted]).toMatchObject({
      type: 'command',
      message: expect.stringContaining('CHG-7'),
      data: { actor: expect.any(String), changes: expect.arrayContaining(['lon1: CdrTasks.Shade was added']) },
    });
    await api.acceptSchema(waiting);
    await until(waiting, 'ready again', ({ state }) => state === 'ready');
    // Accepted twice is accepted once.
    await api.acceptSchema(waiting);
    const acceptances = (await api.events(waiting)).filter(({ data }) => data.command === 'schema accept');
    expect(acceptances).toHaveLength(1);
  });

  it('is no drift any more when it is changed back', async () => {
    const { api, toReady, until } = world;
    const id = await toReady(orgAt(2).orgId, { schemaCheckMs: 500 });
    await atCluster('ALTER TABLE BigDB.CallLogs MODIFY COLUMN OrgID BIGINT NOT NULL');
    const { reason } = await until(id, 'stopped', ({ state }) => state === 'drifted');
    expect(reason?.message).toContain('CallLogs.OrgID is bigint');
    await atCluster('ALTER TABLE BigDB.CallLogs MODIFY COLUMN OrgID INT NOT NULL');
    await until(id, 'ready again', ({ state }) => state === 'ready');
    expect((await api.events(id)).some(({ data }) => data.command === 'schema accept')).toBe(false);
  });
});

describe('a schema that changes while an org soaks', () => {
  it('alerts with table and column, and keeps completion back with the guards on until it is accepted', async () => {
    const { api, toSoaking, until } = world;
    const id = await toSoaking(orgAt(3).orgId, { schemaCheckMs: 500 });
    await atCluster('ALTER TABLE BigDB.CompositeUsage ADD COLUMN drifted INT NULL');
    const alerts = async () => (await api.events(id)).filter(({ data }) => data.code === 'SCHEMA_DRIFT');
    await expect
      .poll(async () => (await alerts()).map(({ message }) => message), { timeout: 20_000 })
      .toEqual([expect.stringContaining('CompositeUsage.drifted was added')]);
    await api.command(id, 'complete');
    const kept = await until(id, 'kept back', ({ waitsFor }) => waitsFor?.includes('CompositeUsage.drifted') === true);
    expect(kept).toMatchObject({ state: 'soaking.schemaCheck', serving: 'cluster' });
    expect(kept.allowed).toContain('rollback');
    expect((await refused(id)).problem).toMatchObject({ code: 'SHAPES_DIFFER' });
    await atSites('ALTER TABLE BigDB.CompositeUsage ADD COLUMN drifted INT NULL');
    await api.acceptSchema(id);
    await until(id, 'completed', ({ state }) => state === 'completed');
    const ended = await refused(id);
    expect(ended.problem).toMatchObject({ code: 'COMMAND_NOT_ALLOWED' });
  });
});

describe('a rollback over a schema that has changed', () => {
  it('goes on where only the sites have a column more, and brings what was written meanwhile', async () => {
    const { api, toSoaking, until } = world;
    const org = orgAt(4);
    const id = await toSoaking(org.orgId);
    await atSites('ALTER TABLE BigDB.CdrTasks ADD COLUMN OnlyHere INT NULL');
    const [proxy] = world.lab.proxies;
    const ref = randomBytes(16);
    const client = await createConnection({
      host: proxy?.host ?? '',
      port: proxy?.port ?? 0,
      user: org.user,
      password: org.password,
      database: org.database,
    });
    try {
      await client.query('INSERT INTO CdrTasks (OrgID, CdrRef, Payload) VALUES (?, ?, ?)', [
        org.orgId,
        ref,
        'born there',
      ]);
    } finally {
      await client.end();
    }
    await api.command(id, 'rollback');
    await until(id, 'rolledBack', ({ state }) => state === 'rolledBack');
    const told = (await api.events(id)).find(({ message }) => message.includes('loses no row'));
    expect(told?.message).toContain('CdrTasks.OnlyHere');
    await pollUntil('the row at both sites', async () => {
      const counts = await Promise.all(
        sites().map((site) =>
          onServer(site, async (connection) => {
            const [rows] = await connection.query<RowDataPacket[]>('SELECT 1 FROM BigDB.CdrTasks WHERE CdrRef = ?', [
              ref,
            ]);
            return rows.length;
          }),
        ),
      );
      return counts.every((rows) => rows === 1);
    });
    await atSites('ALTER TABLE BigDB.CdrTasks DROP COLUMN OnlyHere');
  });

  it('waits for an operator where the cluster has a column that the sites lack; goes back once they have it', async () => {
    const { api, toSoaking, until } = world;
    const id = await toSoaking(orgAt(5).orgId);
    await atCluster('ALTER TABLE BigDB.CallLogs ADD COLUMN OnlyThere INT NULL');
    await api.command(id, 'rollback');
    const stuck = await until(id, 'waiting for an operator', ({ state }) => state === 'needsOperator');
    expect(stuck).toMatchObject({ serving: 'cluster', reason: { code: 'SHAPES_DIFFER' } });
    expect(stuck.reason?.message).toContain('CallLogs.OnlyThere is missing at lon1');
    expect(stuck.attempts.filter(({ decision }) => decision === 'commit')).toHaveLength(1);
    await atSites('ALTER TABLE BigDB.CallLogs ADD COLUMN OnlyThere INT NULL');
    await api.acceptSchema(id);
    await until(id, 'rolledBack', ({ state }) => state === 'rolledBack');
  });
});
