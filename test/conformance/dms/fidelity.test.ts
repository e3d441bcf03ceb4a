// Where what arrives is not what was sent, or not when it was: the service's own ways, done here as it does them.

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

describe('rows that are not what they were', () => {
  test('8: LOBs are cut at 32 KB by default, in load and change alike, and characters stay whole', async () => {
    await site.query("INSERT INTO Blobs VALUES (42, 1, REPEAT(X'41', 40000), REPEAT('é', 20000))");
    const task = await start(['Blobs'], { FullLoadSettings: { TargetTablePrepMode: 'DO_NOTHING' } });
    await task.loaded();
    await site.query("INSERT INTO Blobs VALUES (42, 2, REPEAT(X'41', 40000), CONCAT('x', REPEAT('é', 20000)))");
    await untilRows(cluster, 'SELECT id, LENGTH(body), LENGTH(words) FROM Blobs ORDER BY id', [
      [1, '32768', '32768'],
      [2, '32768', '32767'],
    ]);
    const wider = await start(
      ['Blobs'],
      settings('TargetMetadata', { FullLobMode: false, LimitedSizeLobMode: true, LobMaxSize: 39 }),
      'cdc',
    );
    await wider.until('running');
    await task.stop();
    await site.query("UPDATE Blobs SET body = REPEAT(X'42', 40000) WHERE id = 1");
    await untilRows(cluster, 'SELECT id, LENGTH(body) FROM Blobs WHERE id = 1', [[1, '39936']]);
  });

  test('8: without SupportLobs they do not travel at all', async () => {
    await site.query("INSERT INTO Blobs VALUES (42, 1, 'body', 'words')");
    const task = await start(['Blobs'], settings('TargetMetadata', { SupportLobs: false, FullLobMode: false }));
    await task.loaded();
    await untilRows(cluster, 'SELECT id, body, words FROM Blobs', [[1, null, null]]);
  });

  test("zero dates become NULL unless the target's sql_mode allows them", async () => {
    for (const connection of [site, cluster]) {
      await connection.query("SET sql_mode = ''");
      await connection.query('CREATE TABLE Days (OrgID INT, id INT PRIMARY KEY, d DATE, t DATETIME(3))');
    }
    await site.query("INSERT INTO Days VALUES (42, 1, '0000-00-00', '0000-00-00 00:00:00')");
    const strict = await lab.create({
      tables: [table('Days')],
      targetAttributes: "Initstmt=SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE'",
    });
    await strict.run();
    await site.query("INSERT INTO Days VALUES (42, 2, '0000-00-00', '0000-00-00 00:00:00')");
    await untilRows(cluster, 'SELECT * FROM Days ORDER BY id', [
      [42, 1, null, null],
      [42, 2, null, null],
    ]);
    await strict.remove();
    await cluster.query('DELETE FROM Days');
    const lenient = await start(['Days']);
    await lenient.loaded();
    await untilRows(cluster, 'SELECT d, t FROM Days WHERE id = 1', [['0000-00-00', '0000-00-00 00:00:00.000']]);
  });

  test('DATETIME without precision drops fractions', async () => {
    await site.query('CREATE TABLE Moments (OrgID INT, id INT PRIMARY KEY, t DATETIME(6))');
    await cluster.query('CREATE TABLE Moments (OrgID INT, id INT PRIMARY KEY, t DATETIME)');
    await site.query("INSERT INTO Moments VALUES (42, 1, '2026-01-01 00:00:00.400000')");
    const task = await start(['Moments']);
    await task.loaded();
    await untilRows(cluster, 'SELECT t FROM Moments', [['2026-01-01 00:00:00']]);
  });

  test('cascaded deletes of InnoDB are not in the binary log', async () => {
    await site.query(
      'CREATE TABLE Kids (OrgID INT, id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES Calls (id) ON DELETE CASCADE)',
    );
    await cluster.query('CREATE TABLE Kids (OrgID INT, id INT PRIMARY KEY, parent INT)');
    await site.query("INSERT INTO Calls VALUES (42, 1, 'a'); INSERT INTO Kids VALUES (42, 1, 1)");
    const task = await start(['Calls', 'Kids']);
    await task.loaded();
    await site.query('DELETE FROM Calls WHERE id = 1');
    await untilRows(cluster, 'SELECT id FROM Calls', [[700]]);
    await untilRows(site, 'SELECT id FROM Kids', []);
    await untilRows(cluster, 'SELECT id FROM Kids', [[1]]);
  });

  test('10: a source that goes away during full load ends it "successfully", with rows missing', async () => {
    await site.query("INSERT INTO Blobs SELECT 42, seq, REPEAT('x', 10000), NULL FROM seq_1_to_3000");
    // The target holds the load up, so that the source still has rows to send when it goes.
    await cluster.query('LOCK TABLES Blobs READ');
    const task = await start(['Blobs'], SAFE_SETTINGS, 'full-load');
    const reader = await pollUntil('the load to read', async () => {
      const [rows] = await site.query(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT `OrgID`%'",
      );
      return (rows as { ID: string }[])[0]?.ID;
    });
    await site.query(`KILL ${reader}`);
    await cluster.query('UNLOCK TABLES');
    expect((await task.until('stopped')).StopReason).toBe('Stop Reason FULL_LOAD_ONLY_FINISHED');
    const loaded = await task.table('Blobs');
    expect(loaded.TableState).toBe('Table completed');
    expect(loaded.FullLoadRows).toBeLessThan(3000);
  });
});

describe('order and time', () => {
  test('4: batch apply gives up commit order across tables, and with it the marker', async () => {
    const task = await start(['Calls', 'Marks'], settings('TargetMetadata', { BatchApplyEnabled: true }));
    await task.loaded();
    let overtaken = false;
    for (let n = 1; n <= 5 && !overtaken; n += 1) {
      await site.query("INSERT INTO Calls SELECT 42, seq, 'x' FROM seq_1001_to_4000");
      await site.query(`INSERT INTO Marks VALUES (42, ${n})`);
      await pollUntil(
        'the marker',
        async () => {
          const [rows] = await cluster.query(
            `SELECT (SELECT COUNT(*) FROM Marks WHERE id = ${n}) AS marks, (SELECT COUNT(*) FROM Calls WHERE OrgID = 42) AS calls`,
          );
          const [seen] = rows as unknown as { marks: string; calls: string }[];
          if (Number(seen?.marks) === 1 && Number(seen?.calls) < 3000) overtaken = true;
          return Number(seen?.marks) === 1 && Number(seen?.calls) === 3000;
        },
        { everyMs: 1 },
      );
      await site.query('DELETE FROM Calls');
      await untilRows(cluster, 'SELECT COUNT(*) FROM Calls WHERE OrgID = 42', [['0']]);
    }
    expect(overtaken).toBe(true);
  });

  test('11: lag and hold: changes wait, nothing is lost, and the marker is the proof of what arrived', async () => {
    const task = await start(['Marks']);
    await task.loaded();
    await lab.dms.faults.applyLag(400, task.identifier);
    const sent = performance.now();
    await site.query('INSERT INTO Marks VALUES (42, 1)');
    await untilRows(cluster, 'SELECT id FROM Marks', [[1]]);
    expect(performance.now() - sent).toBeGreaterThan(350);
    await lab.dms.faults.applyLag(0, task.identifier);
    await lab.dms.faults.holdApply(true, task.identifier);
    await site.query('INSERT INTO Marks VALUES (42, 2)');
    await pollUntil('it to wait', async () =>
      (await lab.dms.faults.state()).tasks.some(({ arn, queued }) => arn === task.arn && queued === 1),
    );
    await untilRows(cluster, 'SELECT id FROM Marks', [[1]]);
    await lab.dms.faults.holdApply(false, task.identifier);
    await untilRows(cluster, 'SELECT id FROM Marks ORDER BY id', [[1], [2]]);
  });

  test('a task that resumes by itself puts old images over newer rows', async () => {
    const careless = {
      FullLoadSettings: { TargetTablePrepMode: 'DO_NOTHING' },
      ErrorBehavior: { ApplyErrorInsertPolicy: 'LOG_ERROR' },
    };
    const task = await start(['Calls'], careless);
    await task.loaded();
    await site.query("INSERT INTO Calls VALUES (42, 1, 'v1')");
    await site.query("UPDATE Calls SET note = 'v2'");
    await untilRows(cluster, 'SELECT note FROM Calls WHERE id = 1', [['v2']]);
    await task.stop();
    // The target serves now, and has newer rows than the source.
    await cluster.query("UPDATE Calls SET note = 'newer' WHERE id = 1");
    await lab.dms.faults.selfResume(task.identifier, 2);
    await untilRows(cluster, 'SELECT note FROM Calls WHERE id = 1', [['v2']]);
  });

  test('a site without log_slave_updates or with another binlog_format or row image is refused or incomplete', async () => {
    await site.query("SET GLOBAL binlog_row_image = 'MINIMAL'");
    const minimal = await start(['Calls'], SAFE_SETTINGS, 'cdc');
    expect((await minimal.until('failed')).LastFailureMessage).toMatch(/binlog_row_image is MINIMAL, it must be FULL/);
    await site.query("SET GLOBAL binlog_row_image = 'FULL', GLOBAL binlog_format = 'STATEMENT'");
    const statement = await start(['Calls'], SAFE_SETTINGS, 'cdc');
    expect((await statement.until('failed')).LastFailureMessage).toMatch(/binlog_format is STATEMENT, it must be ROW/);
    await site.query("SET GLOBAL binlog_format = 'ROW'");
  });
});
