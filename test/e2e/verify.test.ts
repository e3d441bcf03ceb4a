import { readFile } from 'node:fs/promises';
import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DatabaseServer, onServer, pollUntil } from '../../infra/lab/databases/index.ts';
import { ApiRefusal } from '../../infra/lab/demo/api.ts';
import type { MigrationStatus } from '../../src/service/status.ts';
import { Stage } from './stage.ts';
import { allThere, SteadyWriter, stopAndLook } from './writer.ts';

const orgs = 8;

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({
    orgs,
    policy: { lagGateMs: 5_000, flipBudgetMs: 5_000, flipTries: 10, onMismatch: 'alert' },
  });
  await stage.controller.stop();
  // Each test has an org of its own, and waits for heartbeats most of the time: so none waits for another's turn.
  await stage.startController((config) => {
    config.verification = { atOnce: orgs };
  });
});
afterAll(() => stage?.stop());

/** Runs a statement at the cluster as an account that the fence lets pass. */
const plant = (sql: string, values: unknown[]) => plantAt(stage.cluster, sql, values);

async function plantAt({ host, port }: DatabaseServer, sql: string, values: unknown[]): Promise<void> {
  const connection = await createConnection({ host, port, ...stage.lab.accounts.purge });
  try {
    await connection.query(sql, values);
  } finally {
    connection.destroy();
  }
}

function plantCall(orgId: number, callLogId: number, server = stage.cluster): Promise<void> {
  return plantAt(
    server,
    `INSERT INTO BigDB.CallLogs (CallLogID, OrgID, StartedAt, Direction, CallerNumber, CalleeNumber, SipCallId)
     VALUES (?, ?, NOW(6), 'in', '1', '2', 'planted')`,
    [callLogId, orgId],
  );
}

/** Others may keep this machine busy (milliseconds). */
const patienceMs = 120_000;

const newer = (than: MigrationStatus) => (status: MigrationStatus) =>
  status.verification !== null && Date.parse(status.verification.at) > Date.parse(than.verification?.at ?? '');

describe.concurrent('the proof that both sides are equal', { timeout: 180_000 }, () => {
  it('holds under writes: what is on its way is no mismatch, before the flip and after it', async () => {
    const { orgId } = stage.org(0);
    const writers = [await SteadyWriter.start(stage, orgId)];
    const id = await stage.toReady(orgId);
    const ready = await stage.api.get(id);
    expect(ready.verification).toMatchObject({ outcome: 'equal', kind: 'live', mismatches: 0, stale: false });
    expect(ready.verification?.rows).toBeGreaterThan(300);

    await stage.api.verify(id);
    const again = await stage.until(id, 'compared again', newer(ready), patienceMs);
    expect(again).toMatchObject({ state: 'ready', verification: { outcome: 'equal', kind: 'live' } });

    const soaking = await stage.toSoaking(id);
    expect(soaking.verification).toMatchObject({ outcome: 'equal', kind: 'cutover-point' });
    await stage.api.verify(id);
    const onCluster = await stage.until(id, 'compared while soaking', newer(soaking), patienceMs);
    expect(onCluster.verification).toMatchObject({ outcome: 'equal', kind: 'live', mismatches: 0 });
    expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
    await stage.toCompleted(id);
  });

  it('finds what somebody else wrote at the target before the flip, and blocks until it is gone', async () => {
    const { orgId } = stage.org(1);
    const id = await stage.toReady(orgId);
    const ready = await stage.api.get(id);
    const extra = 900_000_000 + orgId;
    await plantCall(orgId, extra);
    await stage.api.verify(id);
    const blocked = await stage.until(id, 'found different', newer(ready), patienceMs);
    expect(blocked.verification).toMatchObject({
      outcome: 'different',
      mismatches: 1,
      sample: [{ kind: 'extra', table: 'CallLogs', key: { CallLogID: String(extra) }, columns: [] }],
    });
    const asked = (role: 'operator' | 'approver') =>
      stage.api.read(`/v1/migrations/${id}/mismatches?values=true`, role);
    expect(await stage.refusal(asked('operator'))).toMatchObject({ status: 403 });
    const key = { CallLogID: String(extra) };
    expect(await asked('approver')).toMatchObject({
      values: [{ kind: 'extra', key, source: null, target: { SipCallId: { value: 'planted' } } }],
    });
    const told = JSON.stringify([await stage.api.get(id), await stage.api.events(id)]);
    expect(told).not.toContain('planted');
    const lagCheck = await stage.untilState(id, 'lagCheck', patienceMs);
    expect(lagCheck.reason).toMatchObject({ code: 'SIDES_DIFFER' });

    await plant('DELETE FROM BigDB.CallLogs WHERE OrgID = ? AND CallLogID = ?', [orgId, extra]);
    await stage.api.verify(id);
    expect(await stage.untilState(id, 'ready', patienceMs)).toMatchObject({ verification: { outcome: 'equal' } });
  });

  it('covers the second site: rows that one site lacks block, and are named', async () => {
    const { orgId } = stage.org(4);
    const writers = [await SteadyWriter.start(stage, orgId)];
    const id = await stage.toReady(orgId);
    const ready = await stage.api.get(id);
    expect(ready.verification).toMatchObject({ outcome: 'equal' });
    const [, second] = stage.sites;
    if (second === undefined) throw new Error('there is a second site');
    const rows = await stage.at(
      second,
      'SELECT CallLogID AS id FROM BigDB.CallLogs WHERE OrgID = ? ORDER BY 1 LIMIT 1',
      [orgId],
    );
    const [lacking, extra] = [String(rows[0]?.id), String(900_000_000 + orgId)];
    // As replication that skips an event leaves them.
    const unlogged = (sql: string) =>
      onServer(second, async (connection) => {
        await connection.query('SET SESSION sql_log_bin = 0');
        await connection.query(sql);
      });
    await unlogged(`UPDATE BigDB.CallLogs SET CallLogID = ${extra} WHERE CallLogID = ${lacking}`);
    await stage.api.verify(id);
    const blocked = await stage.until(id, 'found different', newer(ready), patienceMs);
    const at = { table: 'CallLogs', columns: [], otherSite: second.name };
    expect(blocked.verification).toMatchObject({
      outcome: 'different',
      mismatches: 2,
      sample: [
        { ...at, kind: 'missing', key: { CallLogID: lacking } },
        { ...at, kind: 'extra', key: { CallLogID: extra } },
      ],
    });
    const lagCheck = await stage.untilState(id, 'lagCheck', patienceMs);
    expect(lagCheck.reason).toMatchObject({ code: 'SITES_DIFFER' });
    expect(await stage.api.read(`/v1/migrations/${id}/mismatches?values=true`, 'approver')).toMatchObject({
      values: [
        { kind: 'missing', otherSite: second.name, target: null },
        { kind: 'extra', otherSite: second.name, source: null, target: { CallLogID: { value: extra } } },
      ],
    });

    await unlogged(`UPDATE BigDB.CallLogs SET CallLogID = ${lacking} WHERE CallLogID = ${extra}`);
    await stage.api.verify(id);
    await stage.untilState(id, 'ready', patienceMs);
    expect((await stage.api.get(id)).verification).toMatchObject({ outcome: 'equal' });
    await Promise.all(writers.map((writer) => writer.stop()));
  });

  it('is made again by a repair: rows of every kind, before the flip and while soaking, under writes', async () => {
    const { orgId } = stage.org(3);
    const id = await stage.toReady(orgId);
    const ready = await stage.api.get(id);
    const writers = [await SteadyWriter.start(stage, orgId)];
    const [first, second] = await stage.at(
      stage.cluster,
      'SELECT CallLogID AS id FROM BigDB.CallLogs WHERE OrgID = ? ORDER BY 1 LIMIT 2',
      [orgId],
    );
    const everyType = 'FROM BigDB.EveryType WHERE OrgID = ?';
    await plant(`DELETE ${everyType}`, [orgId]);
    await plant('DELETE FROM BigDB.CallLogs WHERE OrgID = ? AND CallLogID = ?', [orgId, first?.id]);
    await plant('DELETE FROM BigDB.CallLogs WHERE OrgID = ? AND CallLogID = ?', [orgId, second?.id]);
    await plantCall(orgId, Number(second?.id));
    await plantCall(orgId, 900_000_000 + orgId);
    const before = await stage.refusal(stage.api.post(`/v1/migrations/${id}/repair-rows`, 'operator', {}));
    expect(before).toMatchObject({ status: 403 });

    await stage.api.repairRows(id);
    const repaired = await stage.until(id, 'repaired', newer(ready), patienceMs);
    expect(repaired).toMatchObject({ state: 'ready', verification: { outcome: 'equal', mismatches: 0 } });
    const notes = (await stage.api.events(id)).filter(({ message }) => message.startsWith('repaired'));
    expect(notes).toHaveLength(1);

    const soaking = await stage.toSoaking(id);
    await plantAt(stage.sites[0] ?? stage.cluster, 'DELETE FROM BigDB.CallLogs WHERE OrgID = ? AND CallLogID = ?', [
      orgId,
      first?.id,
    ]);
    await stage.api.repairRows(id);
    const whole = await stage.until(id, 'repaired while soaking', newer(soaking), patienceMs);
    expect(whole).toMatchObject({ serving: 'cluster', verification: { outcome: 'equal' } });
    expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
    await stage.toCompleted(id);
  });

  it('that fails after the way back leaves a way on: what the cluster has is exported, then let go', async () => {
    const { orgId } = stage.org(5);
    const id = await stage.toReady(orgId);
    await stage.toSoaking(id);
    const [row] = await stage.at(stage.cluster, 'SELECT MIN(CallLogID) AS id FROM BigDB.CallLogs WHERE OrgID = ?', [
      orgId,
    ]);
    const lost = String(row?.id);
    await plantAt(stage.sites[0] ?? stage.cluster, 'DELETE FROM BigDB.CallLogs WHERE OrgID = ? AND CallLogID = ?', [
      orgId,
      lost,
    ]);
    await stage.api.command(id, 'rollback');
    const stopped = await stage.untilOperator(id);
    expect(stopped).toMatchObject({
      serving: 'source',
      reason: { code: 'SIDES_DIFFER' },
      verification: { mismatches: 1, sample: [{ kind: 'extra', key: { CallLogID: lost } }] },
    });
    await stage.api.command(id, 'retry');
    expect(await stage.untilOperator(id)).toMatchObject({ verification: { kind: 'live', mismatches: 1 } });
    await stage.api.acceptLoss(id, 'the customer deleted it since');
    const back = await stage.untilState(id, 'rolledBack');
    const [file] = back.leftBehind;
    expect(file).toMatchObject({ part: 'exact', rows: 1, kinds: { clusterOnly: 1, different: 0, siteOnly: 0 } });
    const [, line] = (await readFile(file?.path ?? '', 'utf8')).split('\n');
    expect(JSON.parse(line ?? '')).toMatchObject({ cluster: { CallLogID: lost }, site: null });
  });

  it.each([
    ['takes an org on the cluster back by itself', 6, 'rollback'],
    ['is told, and nothing else, where the policy says so', 7, 'alert'],
  ] as const)('that fails while soaking %s', async (_, index, onMismatch) => {
    const { orgId } = stage.org(index);
    const id = await stage.toReady(orgId, { onMismatch });
    const soaking = await stage.toSoaking(id);
    const lacking = String(900_000_000 + orgId);
    await plantCall(orgId, Number(lacking), stage.sites[0]);
    await stage.api.verify(id);
    const differs = await stage.until(id, 'found different', newer(soaking), patienceMs);
    const sample = [{ kind: 'missing', table: 'CallLogs', key: { CallLogID: lacking } }];
    expect(differs.verification).toMatchObject({ outcome: 'different', mismatches: 1, sample });
    if (onMismatch === 'alert') {
      const told = await pollUntil('the alert', async () =>
        (await stage.api.events(id)).find(({ message }) => message.startsWith('alert:')),
      );
      expect(told).toMatchObject({ data: { code: 'SIDES_DIFFER' } });
      expect(await stage.api.get(id)).toMatchObject({ serving: 'cluster', state: expect.stringMatching(/^soaking/) });
      return;
    }
    const back = await stage.until(id, 'back', ({ serving }) => serving === 'source', patienceMs);
    expect(back.attempts.at(-1)).toMatchObject({ direction: 'back', decision: 'commit' });
    const causes = (await stage.api.events(id)).filter(({ state }) => state.startsWith('rollingBack'));
    expect(JSON.stringify(causes)).toContain('SIDES_DIFFER');
  });

  it('has an age: a stale one does not count for approve, nor for complete', async () => {
    const { orgId } = stage.org(2);
    const { id } = await stage.api.create(orgId, { verificationMaxAgeMs: 1_000, verifyEveryMs: 1_000 });
    await stage.api.command(id, 'start');
    await stage.untilState(id, 'ready');
    const stale = await stage.until(id, 'stale', ({ verification }) => verification?.stale === true, patienceMs);
    // Told to the second.
    expect(stale.verification?.ageMs).toBeGreaterThanOrEqual(1_000);
    const tooLate = (command: 'approve' | 'complete') =>
      pollUntil(`${command} that comes too late`, async () => {
        const { verification } = await stage.api.get(id);
        if (verification?.stale !== true) return undefined;
        return stage.refusal(stage.api.command(id, command)).catch(() => undefined);
      });
    const refused = { status: 409, problem: { code: 'VERIFICATION_STALE', details: { why: 'stale' } } };
    expect(await tooLate('approve')).toMatchObject(refused);

    await pollUntil('an approval in time', async () =>
      stage.api.command(id, 'approve').catch((error: unknown) => {
        if (error instanceof ApiRefusal) return undefined;
        throw error;
      }),
    );
    await stage.untilState(id, 'soaking');
    expect(await tooLate('complete')).toMatchObject(refused);
    expect(await stage.api.get(id)).toMatchObject({ serving: 'cluster', state: expect.stringMatching(/^soaking/) });
  });
});
