// The hazards that decide the design of whoever drives the service: each does its harm here as it does there.

import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import { Fixture } from './fixture.ts';
import { freshSchema, untilRows } from './rows.ts';
import { ofOrg, SAFE_SETTINGS, type TableRule } from './rules.ts';
import type { Task } from './task.ts';

const DB = 'hazard';
let lab: Fixture;
let site: Connection;
let cluster: Connection;

beforeAll(async () => {
  lab = await Fixture.start();
  site = await lab.connect(lab.maria);
  cluster = await lab.connect(lab.cluster);
}, 120_000);

afterAll(async () => {
  await lab.stop();
});

beforeEach(async () => {
  await lab.dms.faults.clear();
  await lab.removeTasks();
  await freshSchema([site, cluster], DB);
  for (const connection of [site, cluster]) {
    await connection.query(
      `CREATE TABLE Calls (OrgID INT, id INT PRIMARY KEY, note VARCHAR(20)); CREATE TABLE Blobs (OrgID INT, id INT PRIMARY KEY, body LONGBLOB, words LONGTEXT);
       CREATE TABLE Marks (OrgID INT, id INT PRIMARY KEY)`,
    );
  }
  // What another org already has at the target.
  await cluster.query("INSERT INTO Calls VALUES (7, 700, 'of another org')");
});

const table = (name: string): TableRule => ({ schema: DB, table: name, filters: ofOrg(42) });

/** Careful settings with one part as given. */
function settings(
  part: 'TargetMetadata' | 'FullLoadSettings' | 'ErrorBehavior' | 'ChangeProcessingDdlHandlingPolicy',
  change: object,
): object {
  return { ...SAFE_SETTINGS, [part]: { ...SAFE_SETTINGS[part], ...change } };
}

async function start(names: string[], given: object | null = SAFE_SETTINGS, type = 'full-load-and-cdc'): Promise<Task> {
  const task = await lab.create({ tables: names.map(table), settings: given, MigrationType: type as 'cdc' });
  await task.start();
  return task;
}

async function logOf(task: Task): Promise<string> {
  const state = await lab.dms.faults.state();
  return state.tasks.find(({ arn }) => arn === task.arn)?.log.join('\n') ?? '';
}

describe('a target that others share', () => {
  test('1: without TargetTablePrepMode the table is dropped, with the rows of other orgs', async () => {
    await site.query("INSERT INTO Calls VALUES (42, 1, 'mine')");
    const task = await start(['Calls'], null);
    await task.loaded();
    await untilRows(cluster, 'SELECT OrgID FROM Calls', [[42]]);
  });

  test('1: DO_NOTHING leaves them, TRUNCATE_BEFORE_LOAD does not', async () => {
    const careful = await start(['Calls']);
    await careful.loaded();
    await untilRows(cluster, 'SELECT OrgID FROM Calls', [[7]]);
    const careless = await start(
      ['Calls'],
      settings('FullLoadSettings', { TargetTablePrepMode: 'TRUNCATE_BEFORE_LOAD' }),
    );
    await careless.loaded();
    await untilRows(cluster, 'SELECT OrgID FROM Calls', []);
  });

  test('6: reload-target truncates even under DO_NOTHING', async () => {
    await site.query("INSERT INTO Calls VALUES (42, 1, 'mine')");
    const task = await start(['Calls']);
    await task.loaded();
    await task.stop();
    await task.run('reload-target');
    await untilRows(cluster, 'SELECT OrgID FROM Calls', [[42]]);
    expect((await task.table('Calls')).FullLoadReloaded).toBe(true);
  });

  test('5: DDL at the source is carried over by default: one task truncates the table for all', async () => {
    const task = await start(['Calls'], { FullLoadSettings: { TargetTablePrepMode: 'DO_NOTHING' } });
    await task.loaded();
    await site.query('ALTER TABLE Calls ADD COLUMN extra INT');
    await site.query("INSERT INTO Calls VALUES (42, 1, 'a', 5)");
    await untilRows(cluster, 'SELECT id, extra FROM Calls ORDER BY id', [
      [1, 5],
      [700, null],
    ]);
    await site.query('TRUNCATE TABLE Calls');
    await untilRows(cluster, 'SELECT id FROM Calls', []);
    expect((await task.table('Calls')).Ddls).toBe(2);
    await site.query('DROP TABLE Calls');
    await untilRows(
      cluster,
      `SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${DB}' AND TABLE_NAME = 'Calls'`,
      [['0']],
    );
  });

  test('5: with all of them false DDL stays where it was made, and rows go on', async () => {
    const task = await start(['Calls', 'Marks']);
    await task.loaded();
    await site.query('ALTER TABLE Calls ADD COLUMN extra INT FIRST');
    await site.query("INSERT INTO Calls (OrgID, id, note, extra) VALUES (42, 1, 'a', 5)");
    await untilRows(cluster, 'SELECT id, note FROM Calls ORDER BY id', [
      [1, 'a'],
      [700, 'of another org'],
    ]);
    await site.query('TRUNCATE TABLE Calls');
    await site.query('INSERT INTO Marks VALUES (42, 1)');
    await untilRows(cluster, 'SELECT id FROM Marks', [[1]]);
    await untilRows(cluster, 'SELECT id FROM Calls ORDER BY id', [[1], [700]]);
    expect(await task.table('Calls')).toMatchObject({ Ddls: 2, AppliedDdls: 0 });
  });
});

describe('health and errors', () => {
  test('3: a table in error, progress 100 %, the task running', async () => {
    await site.query("INSERT INTO Calls VALUES (42, 1, 'a'); INSERT INTO Marks VALUES (42, 1)");
    await cluster.query('ALTER TABLE Calls DROP COLUMN note');
    const task = await start(['Calls', 'Marks'], settings('ErrorBehavior', { TableErrorPolicy: 'SUSPEND_TABLE' }));
    await pollUntil('the error', async () =>
      (await task.tables()).some(({ TableState }) => TableState === 'Table error'),
    );
    const seen = await pollUntil('the other table', async () => {
      const now = await task.describe();
      return now?.ReplicationTaskStats?.TablesLoaded === 1 ? now : undefined;
    });
    expect(seen.Status).toBe('running');
    expect(seen.ReplicationTaskStats).toMatchObject({
      FullLoadProgressPercent: 100,
      TablesErrored: 1,
      TablesLoading: 0,
    });
    await site.query("INSERT INTO Calls VALUES (42, 2, 'lost'); INSERT INTO Marks VALUES (42, 2)");
    await untilRows(cluster, 'SELECT id FROM Marks ORDER BY id', [[1], [2]]);
    await untilRows(cluster, 'SELECT id FROM Calls', [[700]]);
  });

  test('3: the lab can put a table into error; TableErrorPolicy STOP_TASK ends the task', async () => {
    const suspended = await start(['Calls', 'Marks'], settings('ErrorBehavior', { TableErrorPolicy: 'SUSPEND_TABLE' }));
    await suspended.loaded();
    await lab.dms.faults.tableError('Marks', suspended.identifier);
    expect((await suspended.table('Marks')).TableState).toBe('Table error');
    expect((await suspended.describe())?.Status).toBe('running');
    const stopped = await start(['Calls', 'Marks']);
    await stopped.loaded();
    await lab.dms.faults.tableError('Marks', stopped.identifier);
    expect((await stopped.until('failed')).StopReason).toBe('Stop Reason FATAL_ERROR');
  });

  test('7: by default rows that fail are logged and dropped, and the task runs on', async () => {
    await cluster.query('DELETE FROM Calls; ALTER TABLE Calls MODIFY note VARCHAR(3)');
    await cluster.query("INSERT INTO Calls VALUES (42, 2, 'x')");
    const task = await lab.create({
      tables: [table('Calls')],
      settings: { FullLoadSettings: { TargetTablePrepMode: 'DO_NOTHING' } },
      targetAttributes: "Initstmt=SET SESSION sql_mode = 'STRICT_TRANS_TABLES'",
    });
    await task.run();
    await site.query("INSERT INTO Calls VALUES (42, 2, 'dup')");
    await site.query("INSERT INTO Calls VALUES (42, 3, 'much too long')");
    await site.query("INSERT INTO Calls VALUES (42, 4, 'ok')");
    await site.query("UPDATE Calls SET note = 'y' WHERE id = 3");
    await site.query('DELETE FROM Calls WHERE id = 3');
    await untilRows(cluster, 'SELECT id, note FROM Calls ORDER BY id', [
      [2, 'x'],
      [4, 'ok'],
    ]);
    await pollUntil('the delete', async () => (await task.table('Calls')).Deletes === 1);
    expect((await task.describe())?.Status).toBe('running');
    expect(await task.table('Calls')).toMatchObject({ Inserts: 3, AppliedInserts: 1, Updates: 1, AppliedUpdates: 0 });
    expect(await logOf(task)).toMatch(/Duplicate entry.*\n.*(too long).*\n.*no row for the update/s);
  });

  test('7: with the policies set to STOP_TASK the first of them ends the task', async () => {
    const harm: [string, string, string][] = [
      ['an insert that is there', "INSERT INTO Calls VALUES (42, 1, 'a')", "INSERT INTO Calls VALUES (42, 1, 'b')"],
      ['an update of nothing', "INSERT INTO Calls VALUES (42, 2, 'a')", "UPDATE Calls SET note = 'b' WHERE id = 2"],
      ['a delete of nothing', "INSERT INTO Calls VALUES (42, 3, 'a')", 'DELETE FROM Calls WHERE id = 3'],
    ];
    for (const [what, before, change] of harm) {
      await cluster.query('DELETE FROM Calls');
      if (what.startsWith('an insert')) await cluster.query(before);
      else await site.query(before);
      const task = await start(['Calls'], SAFE_SETTINGS, 'cdc');
      await task.until('running');
      await pollUntil(
        'capture',
        async () => (await lab.dms.faults.state()).tasks.find(({ arn }) => arn === task.arn)?.captureFrom ?? undefined,
      );
      await site.query(change);
      const failed = await task.until('failed');
      expect([what, failed.StopReason]).toEqual([what, 'Stop Reason FATAL_ERROR']);
    }
  });

  test('7: FailOnNoTablesCaptured: a task without tables runs on for nothing, or fails', async () => {
    const idle = await start(['Nowhere'], settings('ErrorBehavior', { FailOnNoTablesCaptured: false }));
    await idle.until('running');
    expect(await idle.tables()).toEqual([]);
    const strict = await start(['Nowhere']);
    expect((await strict.until('failed')).LastFailureMessage).toMatch(/No tables were found at task initialization/);
  });
});
