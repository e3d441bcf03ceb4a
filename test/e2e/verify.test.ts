import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import type { MigrationStatus } from '../../src/service/status.ts';
import { Stage } from './stage.ts';
import { allThere, SteadyWriter, stopAndLook } from './writer.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ orgs: 4, policy: { verificationMaxAgeMs: 20_000, onMismatch: 'alert' } });
});
afterAll(() => stage?.stop());

/** Runs a statement at the cluster as an account that the fence lets pass. */
async function plant(sql: string, values: unknown[]): Promise<void> {
  const { host, port } = stage.cluster;
  const connection = await createConnection({ host, port, ...stage.lab.accounts.purge });
  try {
    await connection.query(sql, values);
  } finally {
    connection.destroy();
  }
}

const newer = (than: MigrationStatus) => (status: MigrationStatus) =>
  status.verification !== null && Date.parse(status.verification.at) > Date.parse(than.verification?.at ?? '');

describe.concurrent('the proof that both sides are equal', () => {
  it('holds under writes: what is on its way is no mismatch, before the flip and after it', async () => {
    const { orgId } = stage.org(0);
    const writers = await SteadyWriter.startAll(stage, orgId);
    const id = await stage.toReady(orgId);
    const ready = await stage.api.get(id);
    expect(ready.verification).toMatchObject({ outcome: 'equal', kind: 'live', mismatches: 0, stale: false });
    expect(ready.verification?.rows).toBeGreaterThan(300);

    await stage.api.verify(id);
    const again = await stage.until(id, 'compared again', newer(ready));
    expect(again).toMatchObject({ state: 'ready', verification: { outcome: 'equal', kind: 'live' } });

    const soaking = await stage.toSoaking(id);
    expect(soaking.verification).toMatchObject({ outcome: 'equal', kind: 'cutover-point' });
    await stage.api.verify(id);
    const onCluster = await stage.until(id, 'compared while soaking', newer(soaking));
    expect(onCluster.verification).toMatchObject({ outcome: 'equal', kind: 'live', mismatches: 0 });
    expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
    await stage.toCompleted(id);
  });

  it('finds what somebody else wrote at the target before the flip, and blocks until it is gone', async () => {
    const { orgId } = stage.org(1);
    const id = await stage.toReady(orgId);
    const ready = await stage.api.get(id);
    const extra = 900_000_000 + orgId;
    await plant(
      `INSERT INTO BigDB.CallLogs (CallLogID, OrgID, StartedAt, Direction, CallerNumber, CalleeNumber, SipCallId)
       VALUES (?, ?, NOW(6), 'in', '1', '2', 'planted')`,
      [extra, orgId],
    );
    await stage.api.verify(id);
    const blocked = await stage.until(id, 'found different', newer(ready));
    expect(blocked.verification).toMatchObject({
      outcome: 'different',
      mismatches: 1,
      sample: [{ kind: 'extra', table: 'CallLogs', key: { CallLogID: String(extra) }, columns: [] }],
    });
    const lagCheck = await stage.untilState(id, 'lagCheck');
    expect(lagCheck.reason).toMatchObject({ code: 'SIDES_DIFFER' });

    await plant('DELETE FROM BigDB.CallLogs WHERE OrgID = ? AND CallLogID = ?', [orgId, extra]);
    await stage.api.verify(id);
    expect(await stage.untilState(id, 'ready')).toMatchObject({ verification: { outcome: 'equal' } });
  });

  it('has an age: a stale one does not count for approve', async () => {
    const { orgId } = stage.org(2);
    const { id } = await stage.api.create(orgId, { verificationMaxAgeMs: 1_000, verifyEveryMs: 1_000 });
    await stage.api.command(id, 'start');
    await stage.untilState(id, 'ready');
    const stale = await stage.until(id, 'stale', ({ verification }) => verification?.stale === true);
    expect(stale.verification?.ageMs).toBeGreaterThan(1_000);
    const refusal = await pollUntil('an approval that comes too late', async () => {
      const { verification } = await stage.api.get(id);
      if (verification?.stale !== true) return undefined;
      return stage.refusal(stage.api.command(id, 'approve')).catch(() => undefined);
    });
    expect(refusal).toMatchObject({ status: 409, problem: { code: 'VERIFICATION_STALE', details: { why: 'stale' } } });
  });
});
