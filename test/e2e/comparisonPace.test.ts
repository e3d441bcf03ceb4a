import { afterAll, beforeAll, expect, it } from 'vitest';
import { countOrgRows } from '../../infra/lab/bigdb/index.ts';
import { onServer, pollUntil } from '../../infra/lab/databases/index.ts';
import { type Note, noteFrom } from '../../src/proof/notes.ts';
import type { MigrationStatus } from '../../src/service/status.ts';
import { ChunkLog } from './chunkLog.ts';
import { type LooseConfig, Stage } from './stage.ts';

/** More than one chunk of them. */
const extraCalls = 30_000;
/** Statements that run at a place before a comparison waits, and how many a test runs there. */
const busyThreads = 20;
const sleepers = 2 * busyThreads;
/** A chunk waits no longer than that (milliseconds), so that a comparison comes to its end: see `Comparisons`. */
const longestWaitMs = 10_000;
/** Others may keep this machine busy (milliseconds). */
const patienceMs = 120_000;

const change = (config: LooseConfig) => {
  // With one view a chunk's end is noted as soon as the next one begins.
  config.verification = { busyThreads, viewsPerSide: 1, cutoverViews: 0 };
  // The calls first: under the brake each chunk before them takes as long as it may wait.
  const { tables } = config.catalogue;
  const isCalls = ({ table }: { table: string }) => table === 'CallLogs';
  config.catalogue.tables = [
    ...tables.filter(isCalls),
    ...tables.filter((table: { table: string }) => !isCalls(table)),
  ];
};

let stage: Stage;
let log: ChunkLog;
beforeAll(async () => {
  stage = await Stage.start({
    orgs: 2,
    policy: { lagGateMs: 5_000, flipBudgetMs: 5_000, flipTries: 10, onReverseLag: 'alert' },
  });
  await stage.controller.stop();
  await stage.startController(change);
  const [site] = stage.sites;
  await stage.at(
    site ?? stage.cluster,
    `INSERT INTO BigDB.CallLogs (OrgID, StartedAt, Direction, CallerNumber, CalleeNumber, SipCallId)
     SELECT ?, '2021-01-01' + INTERVAL seq SECOND, 'in', '+44', '+1', CONCAT('extra-', seq) FROM BigDB.seq_1_to_${extraCalls}`,
    [stage.org(0).orgId],
  );
  await stage.lab.sites.waitUntilInStep();
  log = await ChunkLog.open(stage.cluster);
});
afterAll(async () => {
  await log?.close();
  await stage?.stop();
});

/** Runs so many statements at the cluster that it counts as busy; ends them with the call that it resolves to. */
async function keepBusy(): Promise<() => Promise<void>> {
  const ids: number[] = [];
  const asleep = Array.from({ length: sleepers }, () =>
    onServer(stage.cluster, async (connection) => {
      ids.push(connection.threadId);
      await connection.query('SELECT SLEEP(3600)');
    }).catch(() => {}),
  );
  await pollUntil('many statements at the cluster', async () => ids.length === sleepers);
  return async () => {
    for (const id of ids) await stage.at(stage.cluster, `KILL ${id}`);
    await Promise.all(asleep);
  };
}

const newer = (than: MigrationStatus) => (status: MigrationStatus) =>
  status.verification !== null && Date.parse(status.verification.at) > Date.parse(than.verification?.at ?? '');

/** What the running comparison has left in the store. */
async function noteOf(id: string): Promise<Note | null> {
  const { store } = stage.lab.control;
  const [row] = await stage.at(
    store,
    `SELECT value FROM ${stage.lab.storeAccount.database}.records WHERE migration_id = ? AND name = 'comparison'`,
    [id],
  );
  return row === undefined ? null : noteFrom(typeof row.value === 'string' ? JSON.parse(row.value) : row.value);
}

/** The chunks that the brakes have let begin since a moment: one each time that the longest wait was over. */
async function expectBraked(orgId: number, sinceMs: number): Promise<void> {
  const { length } = await log.chunks(orgId);
  expect(length).toBeLessThanOrEqual((performance.now() - sinceMs) / longestWaitMs);
}

it('a busy cluster puts the brake on a comparison; a killed controller’s is gone on with where it was, and fast once nothing is in its way', async () => {
  const { orgId } = stage.org(0);
  const id = await stage.toReady(orgId);
  const ready = await stage.api.get(id);
  await log.clear();
  const atRest = await keepBusy();
  const brakedAtMs = performance.now();
  await stage.api.verify(id);
  const braked = /it waits while \d+ statements run at /;
  await stage.until(id, 'braked', ({ waitsFor }) => braked.test(waitsFor ?? ''), patienceMs);
  await pollUntil(
    'a checkpoint within the calls',
    async () => (await noteOf(id))?.checkpoint?.current?.table === 'CallLogs',
    { timeoutMs: patienceMs },
  );
  await expectBraked(orgId, brakedAtMs);

  await stage.controller.kill('SIGKILL');
  const left = await noteOf(id);
  const done = (left?.checkpoint?.done ?? []).map(({ table }) => table);
  const { after, rows } = left?.checkpoint?.current ?? { after: [], rows: 0 };
  expect(rows).toBeGreaterThan(0);
  await log.clear();
  const takenOverAtMs = performance.now();
  await stage.startController(change);
  const taken = await stage.until(
    id,
    'braked under a new owner',
    ({ epoch, waitsFor }) => epoch > ready.epoch && braked.test(waitsFor ?? ''),
    patienceMs,
  );
  expect(taken.state).toBe('ready');
  await expectBraked(orgId, takenOverAtMs);

  await atRest();
  const whole = await stage.until(id, 'compared', newer(ready), patienceMs);
  const counts = await countOrgRows(stage.cluster, orgId);
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  expect(whole.verification).toMatchObject({ outcome: 'equal', kind: 'live', mismatches: 0, rows: all });
  // Nothing that had been compared was read once more.
  const chunks = await log.chunks(orgId);
  expect(new Set(chunks.map(({ table }) => table))).toEqual(new Set(counts.keys()).difference(new Set(done)));
  for (const { table, after: from } of chunks) {
    if (table === 'CallLogs') expect(Number(from ?? 'NaN')).toBeGreaterThanOrEqual(Number(after[0]));
  }
  const told = (await stage.api.events(id)).map(({ message }) => message);
  expect(told).toContainEqual(expect.stringMatching(/^the comparison goes on behind \d+ rows$/));
});

it('lag of the way back puts the brake on the comparison of an org on the cluster, and lets it go when it is over', async () => {
  const { orgId } = stage.org(1);
  const id = await stage.toReady(orgId, { reverseLagMs: 10_000 });
  const soaking = await stage.toSoaking(id);
  // No view of the cutover point was pinned.
  expect(soaking.verification?.kind).toBe('live');
  const reverse = `bigdb-org${orgId}-reverse`;
  await stage.lab.dms.faults.holdApply(true, reverse);
  const behind = /it waits while the lag is (\d+) ms/;
  try {
    // Half of what the guard takes, at which the brake is put on.
    await stage.until(id, 'behind', ({ lag }) => (lag.reverseMs ?? 0) > 5_500, patienceMs);
    await log.clear();
    const brakedAtMs = performance.now();
    await stage.api.verify(id);
    const seen = new Set<string>();
    await stage.until(
      id,
      'braked, look after look',
      ({ waitsFor }) => {
        const [, lagMs] = behind.exec(waitsFor ?? '') ?? [];
        if (lagMs !== undefined) seen.add(lagMs);
        return seen.size >= 3;
      },
      patienceMs,
    );
    await expectBraked(orgId, brakedAtMs);
    expect((await stage.api.get(id)).verification?.at).toBe(soaking.verification?.at);
  } finally {
    await stage.lab.dms.faults.holdApply(false, reverse);
  }
  const compared = await stage.until(id, 'compared', newer(soaking), patienceMs);
  expect(compared).toMatchObject({ serving: 'cluster', verification: { outcome: 'equal', kind: 'live' } });
  expect(new Set((await log.chunks(orgId)).map(({ table }) => table)).size).toBe(
    (await countOrgRows(stage.cluster, orgId)).size,
  );
});
