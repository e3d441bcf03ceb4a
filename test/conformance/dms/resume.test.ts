import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import type { Fixture } from './fixture.ts';
import { untilRows } from './rows.ts';
import { ofOrg, SAFE_SETTINGS } from './rules.ts';
import { calls, DB, marks, Scene } from './scene.ts';

let scene: Scene;
let lab: Fixture;
let site: Connection;
let writer: Connection;
let cluster: Connection;

beforeAll(async () => {
  scene = await Scene.start();
  ({ lab, site, writer, cluster } = scene);
}, 120_000);

afterAll(async () => {
  await scene.stop();
});

beforeEach(async () => {
  await scene.reset();
});

describe('stop, resume and positions', () => {
  test('stop and resume under writes lose nothing and apply nothing twice', async () => {
    const task = await lab.create({ tables: [calls(), marks()] });
    await task.run();
    let seq = 0;
    let writing = true;
    const write = async (): Promise<void> => {
      while (writing) {
        seq += 1;
        await writer.query(
          `BEGIN; INSERT INTO Calls (OrgID, note) VALUES (42, 'n'); INSERT INTO Marks VALUES (42, ${seq}); COMMIT`,
        );
      }
    };
    const writers = write();
    for (let round = 0; round < 4; round += 1) {
      const from = seq;
      await pollUntil('some writes', async () => seq > from + 30);
      const stopped = await task.stop();
      expect(stopped.StopReason).toBe('Stop Reason NORMAL');
      expect(stopped.RecoveryCheckpoint).toMatch(/^checkpoint:V1#\d+#mysql-bin-changelog\.\d{6}:\d+:/);
      await task.run('resume-processing');
    }
    writing = false;
    await writers;
    // The policies stop the task at the first duplicate or missing row.
    await untilRows(cluster, 'SELECT COUNT(*), MAX(seq) FROM Marks', [[String(seq), String(seq)]]);
    await scene.inStep(task);
    expect((await task.describe())?.Status).toBe('running');
    const { ReplicationTaskStats: stats } = (await task.describe()) ?? {};
    expect(stats?.FullLoadProgressPercent).toBe(100);
    expect(stats?.TablesLoaded).toBe(2);
    expect(stats?.FreshStartDate?.getTime()).toBeLessThan(stats?.StartDate?.getTime() ?? 0);
    await task.remove();
  });

  test('a load that was stopped goes on with the tables that were not finished', async () => {
    await scene.seed(42, 20_000);
    await site.query('INSERT INTO Marks SELECT 42, seq FROM seq_1_to_100');
    const task = await lab.create({ tables: [calls(), marks()] });
    await task.start();
    await pollUntil('some rows', async () => ((await task.table('Calls').catch(() => null))?.FullLoadRows ?? 0) > 500, {
      everyMs: 1,
    });
    await task.stop();
    await site.query("UPDATE Calls SET note = 'while stopped' WHERE id % 10 = 0");
    await task.run('resume-processing');
    await scene.inStep(task);
    await task.remove();
  });

  test('CDC starts at a checkpoint of another task, or at a time', async () => {
    for (const connection of [site, cluster])
      await connection.query('CREATE TABLE Timed (OrgID INT, seq INT PRIMARY KEY)');
    const timed = { schema: DB, table: 'Timed', filters: ofOrg(42) };
    const first = await lab.create({ tables: [timed], MigrationType: 'cdc' });
    await first.run();
    await site.query('INSERT INTO Timed VALUES (42, 1)');
    await untilRows(cluster, 'SELECT seq FROM Timed', [[1]]);
    const { RecoveryCheckpoint } = await first.stop();
    // The binary log knows whole seconds only.
    const nextSecond = new Date((Math.floor(Date.now() / 1000) + 1) * 1000);
    await pollUntil('the next second', async () => Date.now() > nextSecond.getTime());
    await site.query('INSERT INTO Timed VALUES (42, 2)');
    const second = await lab.create({ tables: [timed], MigrationType: 'cdc' });
    await second.run('start-replication', { CdcStartPosition: RecoveryCheckpoint ?? '' });
    await untilRows(cluster, 'SELECT seq FROM Timed ORDER BY seq', [[1], [2]]);
    await second.stop();
    await cluster.query('DELETE FROM Timed');
    const third = await lab.create({ tables: [timed], MigrationType: 'cdc' });
    await third.run('start-replication', { CdcStartTime: nextSecond });
    await untilRows(cluster, 'SELECT seq FROM Timed ORDER BY seq', [[2]]);
    for (const task of [first, second, third]) await task.remove();
  });

  test('full load only ends by itself; StopTaskCachedChanges stops where it says', async () => {
    await scene.seed(42, 10);
    const only = await lab.create({ tables: [calls()], MigrationType: 'full-load' });
    await only.start();
    expect((await only.until('stopped')).StopReason).toBe('Stop Reason FULL_LOAD_ONLY_FINISHED');
    for (const [setting, reason] of [
      ['StopTaskCachedChangesApplied', 'STOPPED_AFTER_CACHED_EVENTS'],
      ['StopTaskCachedChangesNotApplied', 'STOPPED_AFTER_FULL_LOAD'],
    ] as const) {
      await cluster.query('DELETE FROM Calls');
      const task = await lab.create({
        tables: [calls()],
        settings: { ...SAFE_SETTINGS, FullLoadSettings: { TargetTablePrepMode: 'DO_NOTHING', [setting]: true } },
      });
      await task.start();
      expect((await task.until('stopped')).StopReason).toBe(`Stop Reason ${reason}`);
      await site.query("INSERT INTO Calls (OrgID, note) VALUES (42, 'later')");
      await task.run('resume-processing');
      await scene.inStep(task);
      await task.remove();
    }
    await only.remove();
  });

  test('a source that is away for a while is waited for; the task goes on from its checkpoint', async () => {
    const task = await lab.create({ tables: [calls()] });
    await task.run();
    await site.query("INSERT INTO Calls (OrgID, note) VALUES (42, 'before')");
    const [rows] = await site.query("SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'");
    for (const { ID } of rows as { ID: string }[]) await site.query(`KILL ${ID}`);
    await site.query("INSERT INTO Calls (OrgID, note) VALUES (42, 'after')");
    await scene.inStep(task);
    const [sessions] = await cluster.query(
      "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND = 'Sleep' AND ID <> CONNECTION_ID() AND DB IS NULL",
    );
    for (const { ID } of sessions as { ID: string }[]) await cluster.query(`KILL ${ID}`).catch(() => undefined);
    await site.query("INSERT INTO Calls (OrgID, note) VALUES (42, 'after the target was away')");
    await scene.inStep(task);
    await task.remove();
  });

  test('the recovery table at the target keeps the checkpoint in the same transaction', async () => {
    const task = await lab.create({
      tables: [marks()],
      settings: {
        ...SAFE_SETTINGS,
        TargetMetadata: { ...SAFE_SETTINGS.TargetMetadata, TaskRecoveryTableEnabled: true },
      },
    });
    await task.run();
    await site.query('INSERT INTO Marks VALUES (42, 1)');
    await untilRows(cluster, 'SELECT seq FROM Marks', [['1']]);
    await untilRows(cluster, `SELECT COUNT(*) FROM awsdms_control.awsdms_txn_state WHERE task_arn = '${task.arn}'`, [
      ['1'],
    ]);
    // With it, a recovery from an older checkpoint applies nothing twice.
    await site.query('INSERT INTO Marks VALUES (42, 2)');
    await untilRows(cluster, 'SELECT COUNT(*) FROM Marks', [['2']]);
    await task.stop();
    await lab.dms.faults.selfResume(task.identifier, 2);
    await task.until('running');
    await site.query('INSERT INTO Marks VALUES (42, 3)');
    await untilRows(cluster, 'SELECT COUNT(*) FROM Marks', [['3']]);
    expect((await task.table('Marks')).Inserts).toBe(3);
    await task.remove();
  });
});
