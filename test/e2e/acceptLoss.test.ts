import { readdir, readFile, rename, stat } from 'node:fs/promises';
import { DatabaseMigrationServiceClient, StopReplicationTaskCommand } from '@aws-sdk/client-database-migration-service';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { LAB_CREDENTIALS } from '../../infra/lab/estate/endpoints.ts';
import type { MigrationStatus } from '../../src/service/status.ts';
import { all, Stage } from './stage.ts';
import { allThere, SteadyWriter, stopAndLook } from './writer.ts';

let stage: Stage;
let dms: DatabaseMigrationServiceClient;
/** Orgs on the cluster, each for one test. */
const onCluster: { readonly orgId: number; readonly id: string }[] = [];
beforeAll(async () => {
  stage = await Stage.start({ orgs: 6, rows: 200, policy: { taskFailedForMs: 1_000 } });
  const { url: endpoint, region } = stage.lab.dms;
  dms = new DatabaseMigrationServiceClient({ endpoint, region, credentials: LAB_CREDENTIALS });
  onCluster.push(
    ...(await all(
      stage.lab.orgs.slice(0, 4).map(async ({ orgId }) => {
        const id = await stage.toReady(orgId);
        await stage.toSoaking(id);
        return { orgId, id };
      }),
    )),
  );
});
afterAll(async () => {
  dms?.destroy();
  await stage?.stop();
});
afterEach(() => stage.lab.dms.faults.clear());

function next(): { orgId: number; id: string } {
  const org = onCluster.shift();
  if (org === undefined) throw new Error('one org for each test');
  return org;
}

interface Row {
  readonly table: string;
  readonly kind: 'clusterOnly' | 'different' | 'siteOnly';
  readonly key: Record<string, string>;
  readonly cluster: Record<string, unknown> | null;
  readonly site: Record<string, unknown> | null;
}

/** Rows of the migration's last file of a part; the file has to be complete, and nobody else's to read. */
async function rowsLeft({ leftBehind }: MigrationStatus, part: 'before' | 'exact'): Promise<Row[]> {
  const file = leftBehind.filter((each) => each.part === part).at(-1);
  if (file === undefined) throw new Error(`there is no file ${part}`);
  expect((await stat(file.path)).mode & 0o777).toBe(0o600);
  const lines = (await readFile(file.path, 'utf8')).split('\n').filter((line) => line !== '');
  const last = JSON.parse(lines.at(-1) ?? '');
  expect(last).toMatchObject({ complete: true, lines: lines.length - 1, rows: file.rows, kinds: file.kinds });
  expect(lines).toHaveLength(file.rows + 2);
  return lines.slice(1, -1).map((line) => JSON.parse(line));
}

/** Payloads of tasks in the file that the cluster alone has. */
const payloadsOf = (rows: readonly Row[]) =>
  rows
    .filter(({ table, kind }) => table === 'CdrTasks' && kind === 'clusterOnly')
    .map(({ cluster }) => String(cluster?.Payload))
    .sort();

/** What was acknowledged and is not at the source, by looking for each. */
async function missingAtTheSource(writers: readonly SteadyWriter[]): Promise<string[]> {
  await stage.lab.sites.waitUntilInStep();
  const [site] = stage.sites;
  const missing: string[] = [];
  for (const { orgId, acknowledged } of writers) {
    const rows = await stage.at<RowDataPacket[]>(
      site ?? stage.cluster,
      'SELECT Payload FROM BigDB.CdrTasks WHERE OrgID = ?',
      [orgId],
    );
    const stored = new Set(rows.map(({ Payload }) => String(Payload)));
    missing.push(...acknowledged.map(({ payload }) => payload).filter((payload) => !stored.has(payload)));
  }
  return missing.sort();
}

/** A change and a delete on the cluster that will not travel, and a row with bytes, fractions and odd characters. */
async function changeOnCluster(client: Connection, orgId: number): Promise<{ changed: string; deleted: string }> {
  const [rows] = await client.query<RowDataPacket[]>(
    'SELECT TaskID FROM CdrTasks WHERE OrgID = ? ORDER BY TaskID LIMIT 2',
    [orgId],
  );
  const [changed, deleted] = rows.map(({ TaskID }) => String(TaskID)) as [string, string];
  await client.query("UPDATE CdrTasks SET Status = 'changed' WHERE OrgID = ? AND TaskID = ?", [orgId, changed]);
  await client.query('DELETE FROM CdrTasks WHERE OrgID = ? AND TaskID = ?', [orgId, deleted]);
  await client.query(
    `INSERT INTO EveryType (OrgID, BigUnsigned, DecimalLarge, FloatValue, BitTwelve, StampMicros, TextValue, BlobValue, JsonValue)
     VALUES (?, 18446744073709551615, '12345678901234567890.123456789012345678901234567890', 0.1, b'101', '2026-01-02 03:04:05.000006', ?, X'00FF80', '{"a": 1}')`,
    [orgId, 'line\nand\u2028another 大'],
  );
  return { changed, deleted };
}

async function breakWayBack(orgId: number, id: string): Promise<MigrationStatus> {
  await stage.lab.dms.faults.failTask('FATAL_ERROR', `bigdb-org${orgId}-reverse`);
  return stage.untilOperator(id);
}

const goesOn = (writers: readonly SteadyWriter[]) => {
  const before = writers.map(({ acknowledged }) => acknowledged.length);
  return pollUntil('writes at every proxy', async () =>
    writers.every(({ acknowledged }, index) => acknowledged.length > (before[index] ?? 0)),
  );
};

describe('a reverse task that stops', () => {
  it('is resumed where the org soaks, so often and no more, and once more on the way home, which loses nothing', async () => {
    const { orgId, id } = next();
    const writers = await SteadyWriter.startAll(stage, orgId);
    const [task] = await tasksOf(orgId);
    const stopTask = async () => {
      await pollUntil('a running task', async () => (await tasksOf(orgId))[0]?.status === 'running');
      await dms.send(new StopReplicationTaskCommand({ ReplicationTaskArn: task?.arn }));
    };
    // A task that stops again while it is being resumed is started by the same resumption.
    const resumptions = async () =>
      (await stage.api.events(id)).filter(({ message }) => message === 'the reverse task runs again').length;
    for (let times = 1; times <= 3; times++) {
      await stopTask();
      await pollUntil('the task to be resumed', async () => (await resumptions()) === times);
    }
    expect(await stage.api.get(id)).toMatchObject({ state: 'soaking', serving: 'cluster', reason: null });
    await stopTask();
    const back = await stage.untilState(id, 'rolledBack');
    expect(back).toMatchObject({ serving: 'source', verification: { outcome: 'equal' }, leftBehind: [] });
    expect((await stage.api.events(id)).some(({ message }) => message.includes('after 3 resumptions'))).toBe(true);
    const [site] = stage.sites;
    expect(await stopAndLook(stage, writers, site ?? stage.cluster)).toEqual(allThere);
    expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
  });
});

describe('a way back that cannot be gone', () => {
  it('shows its figures; the org stays under watch when told so', async () => {
    const { orgId, id } = next();
    const stuck = await breakWayBack(orgId, id);
    expect(stuck).toMatchObject({ serving: 'cluster', reason: { code: 'TASK_FAILED' } });
    expect(stuck.allowed).toEqual(['resume', 'rollback', 'complete', 'retry']);
    const seen = await stage.until(id, 'figures', ({ wayBack }) => wayBack?.task != null && wayBack.lagSeenAt !== null);
    expect(seen.wayBack).toMatchObject({ task: { status: 'failed' }, tries: 0, since: stuck.since });
    expect(seen.wayBack?.reverseLagMs).toBeGreaterThanOrEqual(0);
    expect(seen.wayBack?.choices.map(({ command, acceptLoss }) => [command, acceptLoss])).toEqual([
      ['retry', false],
      ['resume', false],
      ['complete', false],
      ['rollback', true],
    ]);
    await stage.api.command(id, 'resume', 'the customer wants to stay');
    await pollUntil('the guard to alert', async () =>
      (await stage.api.events(id)).some(
        ({ state, data }) => state === 'soaking' && data.code === 'REVERSE_TASK_FAILED',
      ),
    );
    expect(await stage.api.get(id)).toMatchObject({ state: 'soaking', serving: 'cluster', wayBack: null });
    // The loss of an org that could still go back is nobody's to accept.
    expect(await stage.refusal(stage.api.acceptLoss(id, 'too early'))).toMatchObject({
      status: 409,
      problem: { code: 'COMMAND_NOT_ALLOWED' },
    });
    await stage.api.command(id, 'rollback');
    await stage.untilOperator(id);
  });

  it('loses what did not travel when an approver accepts it, and exactly that stands in a file', async () => {
    const { orgId, id } = next();
    const writers = await SteadyWriter.startAll(stage, orgId);
    const client = await stage.client(orgId);
    await stage.lab.dms.faults.failTask('FATAL_ERROR', `bigdb-org${orgId}-reverse`);
    const { changed, deleted } = await changeOnCluster(client, orgId);
    client.destroy();
    await stage.untilOperator(id);

    const refused = await stage.refusal(stage.api.acceptLoss(id, 'an operator', 'operator'));
    expect(refused).toMatchObject({ status: 403, problem: { code: 'ROLE_TOO_LOW' } });
    const { exportsDirectory } = stage.lab;
    await rename(exportsDirectory, `${exportsDirectory}.away`);
    await stage.api.acceptLoss(id, 'nowhere to write');
    const failed = await stage.untilOperator(id);
    await rename(`${exportsDirectory}.away`, exportsDirectory);
    expect(failed).toMatchObject({ serving: 'cluster', reason: { code: 'EXPORT_FAILED' }, leftBehind: [] });
    expect(failed.allowed).toContain('resume');
    // Nothing was thrown away: the failed task is still there.
    expect(await tasksOf(orgId)).toHaveLength(1);

    // Slow enough that the controller can be killed in the middle of it.
    await stage.lab.dms.faults.slowDelete(5_000, `bigdb-org${orgId}-reverse`);
    await stage.api.acceptLoss(id, 'CHG-1234');
    await stage.until(id, 'detaching', ({ state }) => state === 'rollingBack.detaching');
    await stage.controller.kill('SIGKILL');
    await stage.startController();
    const back = await stage.untilState(id, 'rolledBack');
    expect(back).toMatchObject({ outcome: 'rolledBack', serving: 'source' });
    await goesOn(writers);
    await Promise.all(writers.map((writer) => writer.stop()));
    expect(writers.flatMap(({ errors }) => errors)).toEqual([]);

    const rows = await rowsLeft(back, 'exact');
    const lost = await missingAtTheSource(writers);
    expect(lost.length).toBeGreaterThan(0);
    expect(payloadsOf(rows)).toEqual(lost);
    const others = rows.filter(({ table, kind }) => table !== 'CdrTasks' || kind !== 'clusterOnly');
    expect(others.map(({ table, kind, key }) => [table, kind, key.TaskID]).sort()).toEqual([
      ['CdrTasks', 'different', changed],
      ['CdrTasks', 'siteOnly', deleted],
      ['EveryType', 'clusterOnly', undefined],
    ]);
    expect(others.find(({ kind }) => kind === 'different')).toMatchObject({
      cluster: { Status: 'changed' },
      site: { Status: expect.not.stringContaining('changed') },
    });
    expect(others.find(({ table }) => table === 'EveryType')?.cluster).toMatchObject({
      OrgID: String(orgId),
      BigUnsigned: '18446744073709551615',
      DecimalLarge: '12345678901234567890.123456789012345678901234567890',
      FloatValue: '0.10000000149011612',
      BitTwelve: '5',
      StampMicros: expect.stringMatching(/\.000006$/),
      TextValue: 'line\nand\u2028another 大',
      BlobValue: { base64: 'AP+A' },
      LongBlobValue: null,
    });
    // What was there before the flip is no more than what it came to.
    expect(lost).toEqual(expect.arrayContaining(payloadsOf(await rowsLeft(back, 'before'))));
    const events = await stage.api.events(id);
    const accepted = events.filter(({ message }) => message === 'rollback accepting loss by lab-approver');
    expect(accepted.at(-1)?.data).toMatchObject({ actor: 'lab-approver', reason: 'CHG-1234' });
    expect(events.some(({ data }) => data.part === 'exact' && data.rows === rows.length)).toBe(true);
    expect(await tasksOf(orgId)).toEqual([]);
    expect(await readdir(exportsDirectory)).toSatisfy((names: string[]) => names.every((name) => /jsonl$/.test(name)));
  });

  it('waits behind the commit when the last export cannot be written: all rows stay, and a new owner writes them', async () => {
    const { orgId, id } = next();
    const writers = await SteadyWriter.startAll(stage, orgId);
    await breakWayBack(orgId, id);
    await goesOn(writers);
    await stage.lab.dms.faults.slowDelete(2_000, `bigdb-org${orgId}-reverse`);
    await stage.api.acceptLoss(id, 'CHG-1234');
    await stage.until(id, 'detaching', ({ state }) => state === 'rollingBack.detaching');
    const { exportsDirectory } = stage.lab;
    await rename(exportsDirectory, `${exportsDirectory}.away`);
    const waiting = await stage.untilOperator(id);
    expect(waiting).toMatchObject({ serving: 'source', reason: { code: 'EXPORT_FAILED' }, allowed: ['retry'] });
    await goesOn(writers);
    await stage.controller.kill('SIGKILL');
    await rename(`${exportsDirectory}.away`, exportsDirectory);
    await stage.startController();
    await pollUntil('a new owner', async () => (await stage.api.get(id)).epoch > waiting.epoch);
    await stage.api.command(id, 'retry');
    const back = await stage.untilState(id, 'rolledBack');
    await Promise.all(writers.map((writer) => writer.stop()));
    expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(payloadsOf(await rowsLeft(back, 'exact'))).toEqual(await missingAtTheSource(writers));
  });
});

async function tasksOf(orgId: number) {
  const { tasks } = await stage.lab.dms.faults.state();
  return tasks.filter(({ identifier }) => identifier.startsWith(`bigdb-org${orgId}-reverse`));
}
