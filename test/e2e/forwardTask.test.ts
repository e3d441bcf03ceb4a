import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type DatabaseServer, pollUntil } from '../../infra/lab/databases/index.ts';
import { Stage } from './stage.ts';
import { allThere, SteadyWriter, stopAndLook } from './writer.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ orgs: 2, rows: 100 });
});
afterAll(() => stage?.stop());
afterEach(() => stage.lab.dms.faults.clear());

it('a forward task that resumes behind the flip, by itself or by a lost reply, puts no old image over a newer row, and goes in the end', async () => {
  const { orgId } = stage.org(0);
  const { faults } = stage.lab.dms;
  const forward = `bigdb-org${orgId}-forward-g1`;
  const taskNow = async () => (await faults.state()).tasks.find(({ identifier }) => identifier === forward);
  const reference = randomBytes(16);
  const payloadAt = async (server: DatabaseServer) => {
    const sql = 'SELECT Payload FROM BigDB.CdrTasks WHERE OrgID = ? AND CdrRef = ?';
    return (await stage.at(server, sql, [orgId, reference]))[0]?.Payload;
  };

  const id = await stage.toReady(orgId);
  const writers = await SteadyWriter.startAll(stage, orgId);
  const client = await stage.client(orgId);
  // The last thing that the source ever gets of the org: what a task that goes back a little meets again.
  await client.query('BEGIN');
  const write = 'INSERT INTO CdrTasks (OrgID, CdrRef, Payload) VALUES (?, ?, ?)';
  const change = 'UPDATE CdrTasks SET Payload = ? WHERE OrgID = ? AND CdrRef = ?';
  await client.query(write, [orgId, reference, 'first']);
  await client.query(change, ['old', orgId, reference]);
  await stage.api.command(id, 'approve');
  await stage.untilHeld(orgId);
  // From here on nobody can stop or delete a task.
  await faults.unreachable('hang');
  await client.query('COMMIT');
  await pollUntil('the org to be on the cluster', async () =>
    (await stage.routeStates(orgId)).every((state) => state === 'cluster'),
  );
  await client.query(change, ['new', orgId, reference]);

  await faults.failTask('RECOVERABLE_ERROR', forward);
  await pollUntil('the forward task to end', async () => (await taskNow())?.status === 'failed');
  // It goes back further than the checkpoint that it keeps at the cluster would let it.
  await stage.at(stage.cluster, 'DELETE FROM awsdms_control.awsdms_txn_state');
  await faults.selfResume(forward, 400);
  await pollUntil('the fence to refuse what it brings', async () =>
    (await taskNow())?.log.some((line) => line.includes(`BIGDB_FENCE org=${orgId}`) && line.includes('writer=clients')),
  );
  await pollUntil('the forward task to end again', async () => (await taskNow())?.status === 'failed');
  expect(await payloadAt(stage.cluster)).toBe('new');

  // It runs once more when the controller comes to it, and every answer about it is lost.
  await faults.holdApply(true, forward);
  await faults.selfResume(forward);
  await pollUntil('the forward task to run', async () => (await taskNow())?.status === 'running');
  for (const operation of ['StopReplicationTask', 'DeleteReplicationTask', 'StartReplicationTask']) {
    await faults.loseReply(operation);
  }
  await faults.unreachable('off');
  await pollUntil('the forward task to be gone', async () => (await taskNow()) === undefined);
  const soaking = await stage.untilState(id, 'soaking');
  expect(soaking.verification).toMatchObject({ outcome: 'equal', mismatches: 0 });
  expect(await payloadAt(stage.cluster)).toBe('new');
  for (const site of stage.sites) {
    await pollUntil(`the change to come back to ${site.name}`, async () => (await payloadAt(site)) === 'new');
  }
  expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
  expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
  await stage.toCompleted(id);
});
