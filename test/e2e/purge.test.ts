import {
  CreateReplicationTaskCommand,
  DatabaseMigrationServiceClient,
  DeleteReplicationTaskCommand,
} from '@aws-sdk/client-database-migration-service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { countOrgRows } from '../../infra/lab/bigdb/index.ts';
import { type DatabaseServer, onServer, pollUntil } from '../../infra/lab/databases/index.ts';
import { ArmedFailpoints } from '../../infra/lab/estate/armedFailpoints.ts';
import { type PurgeAnswer, purgeAnswerSchema } from '../../src/service/purgeAnswer.ts';
import type { PurgeStatus } from '../../src/service/status.ts';
import { rowsOf } from './picture.ts';
import { all, type LooseConfig, Stage } from './stage.ts';
import { SteadyWriter } from './writer.ts';

/** Small, so that there is a middle to stop in. */
const chunkRows = 15;

let stage: Stage;
let failpoints: ArmedFailpoints;
/** Migrations of orgs that have completed, by the org's place in the lab's list. */
let completed: string[];

const gently = (config: LooseConfig) => {
  config.purge = { chunkRows, restFactor: 1 };
  config.controller.failpoints = true;
};
const start = () => stage.startController(gently, failpoints.env);

beforeAll(async () => {
  stage = await Stage.start({ orgs: 8, rows: 150, policy: { purgeAfterMs: 0 } });
  failpoints = new ArmedFailpoints(stage.lab.baseDir);
  await failpoints.arm([]);
  await stage.controller.stop();
  await start();
  completed = await all(
    [0, 1, 2, 3, 4].map(async (index) => {
      const id = await stage.toReady(stage.org(index).orgId);
      await stage.toSoaking(id);
      await stage.toCompleted(id);
      return id;
    }),
  );
});
afterAll(() => stage?.stop());

const pathOf = (id: string) => `/v1/migrations/${id}/purge`;
const idOf = (index: number) => completed[index] ?? '';
const order = async (id: string): Promise<PurgeAnswer> =>
  purgeAnswerSchema.parse(await stage.api.post(pathOf(id), 'approver', { reason: 'a test' }));
const change = (id: string, what: 'pause' | 'resume' | 'cancel') =>
  stage.api.post(`${pathOf(id)}/${what}`, 'approver', { reason: 'a test' });

async function purgeOf(id: string): Promise<PurgeStatus> {
  const { purge } = purgeAnswerSchema.parse(await stage.api.read(pathOf(id)));
  if (purge === null) throw new Error('there is no purge');
  return purge;
}

async function until(id: string, what: string, condition: (purge: PurgeStatus) => boolean): Promise<PurgeStatus> {
  let last: PurgeStatus | null = null;
  const look = async () => {
    last = await purgeOf(id).catch(() => null);
    return last !== null && condition(last) ? last : undefined;
  };
  return pollUntil(`the purge to be ${what}`, look, { timeoutMs: 90_000, everyMs: 20 }).catch((error: unknown) => {
    throw new Error(`not ${what}: ${JSON.stringify(last)}`, { cause: error });
  });
}
const untilState = (id: string, state: PurgeStatus['state']) => until(id, state, (purge) => purge.state === state);
const untilInTheMiddle = (id: string) => until(id, 'in the middle', ({ rowsDeleted }) => rowsDeleted > 0);

async function rowsAt(server: DatabaseServer, orgId: number): Promise<number> {
  return [...(await countOrgRows(server, orgId)).values()].reduce((sum, rows) => sum + rows, 0);
}
const atSites = (orgId: number) => Promise.all(stage.sites.map((site) => rowsAt(site, orgId)));
const site = (index: number): DatabaseServer => stage.sites[index] ?? stage.cluster;

/** Nothing of it has stopped: a delete that does not find its row ends replication. */
async function sitesReplicate(): Promise<void> {
  await stage.lab.sites.waitUntilInStep();
  for (const server of stage.sites) {
    const [row] = await stage.at(server, 'SHOW ALL SLAVES STATUS');
    expect(row).toMatchObject({ Slave_IO_Running: 'Yes', Slave_SQL_Running: 'Yes' });
  }
}

/** The chunk that is under way, or about to begin, may end and arrive; behind it nothing goes. */
async function standsStill(orgId: number): Promise<void> {
  const before = await atSites(orgId);
  let last: unknown;
  await pollUntil(
    'the rows to stand still for longer than a purge rests anywhere',
    async () => {
      const now = JSON.stringify(await atSites(orgId));
      const same = now === last;
      last = now;
      return same;
    },
    { everyMs: 2_500 },
  );
  const now = await atSites(orgId);
  for (const [index, rows] of now.entries()) expect((before[index] ?? 0) - rows).toBeLessThanOrEqual(chunkRows);
}

describe('a purge', () => {
  it('removes exactly the org’s rows at the sites, while its clients go on at the cluster', async () => {
    const { orgId } = stage.org(0);
    const id = idOf(0);
    const others = [1, 5, 6].map((index) => stage.org(index).orgId);
    const before = await all(others.map((other) => rowsOf(site(1), other)));
    const served = await rowsOf(stage.cluster, orgId);
    const writer = await SteadyWriter.start(stage, orgId);
    const dry = purgeAnswerSchema.parse(
      await stage.api.post(pathOf(id), 'approver', { reason: 'a look', dryRun: true }),
    );
    const [left] = await atSites(orgId);
    expect(dry.plan).toMatchObject({ refusals: [], rows: left });
    expect(dry.plan?.sites.map(({ site: name }) => name)).toEqual(stage.sites.map(({ name }) => name));
    expect(dry.purge).toBeNull();
    expect(await atSites(orgId)).toEqual([left, left]);

    expect((await order(id)).purge).toMatchObject({ state: 'running', by: 'lab-approver', why: 'a test' });
    const seen = await until(id, 'told of', ({ rowsDeleted, etaMs }) => rowsDeleted > 0 && (etaMs ?? 0) > 0);
    expect(seen.rowsExpected).toBe(left);
    const done = await untilState(id, 'done');
    expect(done).toMatchObject({ rowsDeleted: left, rowsExpected: left, site: site(0).name, reason: null, etaMs: 0 });
    expect(done.tables.reduce((sum, { rowsDeleted }) => sum + rowsDeleted, 0)).toBe(left);
    expect((await stage.api.get(id)).purge).toEqual(done);
    expect(await atSites(orgId)).toEqual([0, 0]);

    await writer.stop();
    expect(writer.errors).toEqual([]);
    const now = await rowsOf(stage.cluster, orgId);
    for (const [table, rows] of Object.entries(served)) {
      expect(new Set(now[table]).isSupersetOf(new Set(rows))).toBe(true);
    }
    expect(await rowsAt(stage.cluster, orgId)).toBe((left ?? 0) + writer.acknowledged.length);
    expect(await all(others.map((other) => rowsOf(site(1), other)))).toEqual(before);
    await sitesReplicate();
    // Once is enough, and is on record.
    expect((await order(id)).purge).toEqual(done);
    const audit = (await stage.api.read('/v1/audit?limit=1000', 'operator')) as { items: Record<string, unknown>[] };
    expect(audit.items).toContainEqual(
      expect.objectContaining({ actor: 'lab-approver', action: 'POST /v1/migrations/:id/purge', target: id }),
    );
    expect((await stage.api.events(id)).map(({ message }) => message)).toEqual(
      expect.arrayContaining([
        'purge by lab-approver: a test',
        `purged: ${left} rows of the org are gone at the source`,
      ]),
    );
  });

  it.each([
    'purge.chunk.deleted',
    'purge.chunk.recorded',
  ])('survives a controller that is killed at %s: another goes on with what is left', async (point) => {
    const index = point.endsWith('deleted') ? 1 : 2;
    const { orgId } = stage.org(index);
    const id = idOf(index);
    const [left] = await atSites(orgId);
    const served = await rowsOf(stage.cluster, orgId);
    await failpoints.arm([`${point}@${orgId}=kill`]);
    await order(id);
    await stage.controller.ended;
    await start();
    const done = await untilState(id, 'done');
    expect(done).toMatchObject({ rowsExpected: left, rowsDeleted: left });
    expect(await atSites(orgId)).toEqual([0, 0]);
    expect(await rowsOf(stage.cluster, orgId)).toEqual(served);
    await sitesReplicate();
  });

  it('stops for a task that appears, waits for a site that is behind and for a store that is away, and can be paused and cancelled', async () => {
    const { orgId } = stage.org(3);
    const id = idOf(3);
    const served = await rowsOf(stage.cluster, orgId);
    await order(id);
    await untilInTheMiddle(id);
    await change(id, 'pause');
    await standsStill(orgId);
    expect(await purgeOf(id)).toMatchObject({ state: 'paused' });
    expect(await stage.refusal(order(id))).toMatchObject({ status: 409, problem: { code: 'COMMAND_NOT_ALLOWED' } });

    // A task, not even started: it could be, and would read the deletes.
    const remove = await makeTask(`bigdb-org${orgId}-forward-g9`);
    expect(await stage.refusal(change(id, 'resume'))).toMatchObject({
      status: 409,
      problem: { code: 'PURGE_REFUSED', details: { refusals: [expect.stringContaining('-forward-g9')] } },
    });
    await remove();
    await change(id, 'resume');
    await untilInTheMiddle(id);
    const removeAgain = await makeTask(`bigdb-org${orgId}-reverse-g9`);
    const stopped = await untilState(id, 'stopped');
    expect(stopped.reason).toMatchObject({ code: 'PURGE_REFUSED', message: expect.stringContaining('-reverse-g9') });
    await standsStill(orgId);
    await removeAgain();

    // A site that is behind: what was deleted has to arrive before more is.
    await stage.at(site(1), 'STOP ALL SLAVES');
    await change(id, 'resume');
    await until(id, 'behind', ({ waitsFor }) => /to arrive from lon1 at lon2/.test(waitsFor ?? ''));
    await standsStill(orgId);
    await stage.at(site(1), 'START ALL SLAVES');
    const { rowsDeleted } = await purgeOf(id);
    await until(id, 'going on', (purge) => purge.rowsDeleted > rowsDeleted);

    // Without the store nobody could know how far it is.
    const { store } = stage.lab.control;
    await store.kill('SIGSTOP');
    try {
      await standsStill(orgId);
    } finally {
      await store.kill('SIGCONT');
    }
    const before = (await until(id, 'told again', () => true)).rowsDeleted;
    await until(id, 'going on', (purge) => purge.rowsDeleted > before || purge.state === 'done');

    await change(id, 'cancel');
    expect(await purgeOf(id)).toMatchObject({ state: 'cancelled' });
    await standsStill(orgId);
    // What is left can be purged by another order.
    await order(id);
    await untilState(id, 'done');
    expect(await atSites(orgId)).toEqual([0, 0]);
    expect(await rowsOf(stage.cluster, orgId)).toEqual(served);
    await sitesReplicate();
  });

  it('stops where the sites differ, before a delete could stop replication', async () => {
    const { orgId } = stage.org(4);
    const id = idOf(4);
    /** Takes one row away that no replication knows of. */
    const lose = (server: DatabaseServer, order: 'ASC' | 'DESC') =>
      onServer(server, async (connection) => {
        const open = 'UPDATE bigdb_cutover.fence SET writer = ? WHERE org_id = ? AND place = ?';
        await connection.query('SET SESSION sql_log_bin = 0');
        await connection.query(open, ['clients', orgId, server.name]);
        await connection.query(`DELETE FROM BigDB.CallLogs WHERE OrgID = ? ORDER BY CallLogID ${order} LIMIT 1`, [
          orgId,
        ]);
        await connection.query(open, ['nobody', orgId, server.name]);
      });
    await lose(site(1), 'ASC');
    const left = await atSites(orgId);
    await order(id);
    const stopped = await untilState(id, 'stopped');
    expect(stopped).toMatchObject({ rowsDeleted: 0, reason: { code: 'PURGE_SITES_DIFFER' } });
    expect(await atSites(orgId)).toEqual(left);
    // As many on either side, and still not the same ones.
    await lose(site(0), 'DESC');
    await change(id, 'resume');
    const again = await until(id, 'stopped anew', ({ state, reason }) => state === 'stopped' && reason !== null);
    expect(again.reason).toMatchObject({
      code: 'PURGE_SITES_DIFFER',
      message: expect.stringMatching(/1 of \d+ rows of lon1 are missing at lon2/),
    });
    await sitesReplicate();
  });

  it('is refused to who may not order it, and to an org that may still go back', async () => {
    const { orgId } = stage.org(5);
    const id = await stage.toReady(orgId);
    const before = await atSites(orgId);
    const ordering = (role: 'operator' | 'approver' | 'admin') =>
      stage.refusal(stage.api.post(pathOf(id), role, { reason: 'a test' }));
    expect(await ordering('operator')).toMatchObject({ status: 403, problem: { code: 'ROLE_TOO_LOW' } });
    expect(await ordering('approver')).toMatchObject({
      status: 409,
      problem: { code: 'PURGE_REFUSED', details: { refusals: [expect.stringContaining('ready')] } },
    });
    await stage.toSoaking(id);
    expect(await ordering('approver')).toMatchObject({ problem: { code: 'PURGE_REFUSED' } });
    expect(await stage.refusal(stage.api.read(pathOf(id)))).toMatchObject({
      status: 404,
      problem: { code: 'PURGE_UNKNOWN' },
    });
    expect(await atSites(orgId)).toEqual(before);

    // Who started a move does not purge it.
    const other = (await stage.api.post('/v1/migrations', 'admin', { orgId: stage.org(6).orgId })) as { id: string };
    expect(await stage.refusal(stage.api.post(pathOf(other.id), 'admin', { reason: 'a test' }))).toMatchObject({
      status: 403,
      problem: { code: 'SECOND_PERSON_NEEDED' },
    });
  });
});

/** A task that no controller has made; gives what deletes it. */
async function makeTask(identifier: string): Promise<() => Promise<void>> {
  const { dms } = parse(stage.lab.config('anybody').text);
  const { env } = stage.lab.config('anybody');
  const { region, endpoint, replicationInstanceArn, forward } = Object.values(dms.regions)[0] as LooseConfig;
  const client = new DatabaseMigrationServiceClient({
    region,
    endpoint,
    credentials: { accessKeyId: env.LAB_DMS_KEY ?? '', secretAccessKey: env.LAB_DMS_SECRET ?? '' },
  });
  const mappings = {
    rules: [
      {
        'rule-type': 'selection',
        'rule-id': '1',
        'rule-name': '1',
        'rule-action': 'include',
        'object-locator': { 'schema-name': 'BigDB', 'table-name': 'Nobody' },
      },
    ],
  };
  const { ReplicationTask } = await client.send(
    new CreateReplicationTaskCommand({
      ReplicationTaskIdentifier: identifier,
      SourceEndpointArn: forward.sourceEndpointArn,
      TargetEndpointArn: forward.targetEndpointArn,
      ReplicationInstanceArn: replicationInstanceArn,
      MigrationType: 'cdc',
      TableMappings: JSON.stringify(mappings),
    }),
  );
  const isThere = async () => (await stage.lab.dms.faults.state()).tasks.some((task) => task.identifier === identifier);
  await pollUntil('the task to be there', isThere);
  return async () => {
    await pollUntil('the task to take its deletion', () =>
      client.send(new DeleteReplicationTaskCommand({ ReplicationTaskArn: ReplicationTask?.ReplicationTaskArn })).then(
        () => true,
        () => undefined,
      ),
    );
    await pollUntil('the task to be gone', async () => !(await isThere()));
    client.destroy();
  };
}
