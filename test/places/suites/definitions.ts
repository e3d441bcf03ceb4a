import type { Connection } from 'mysql2/promise';
import { beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import { ViewLostError } from '../../../src/errors/index.ts';
import type { OrgTable } from '../../../src/ports/place.ts';
import { rejectionOf } from '../help.ts';
import type { World } from '../world.ts';

// Of a single site, and of tables without a fence.
const OTHERS = ['HEARTBEAT_ROW_MISSING', 'REPLICATION_NOT_RUNNING', 'FENCE_TRIGGERS_MISSING'];

/** What rests on how tables are defined and granted, which a simulated server knows little of. */
export function definitionSuite(world: () => World): void {
  describe('definitions', () => {
    let admin: Connection;

    const codes = async (tables: readonly OrgTable[] = world().plan.tables, orgId = 42) =>
      (await world().place.findings(tables, orgId)).map((finding) => finding.code).sort();

    beforeAll(async () => {
      admin = await world().connect(world().server.user);
    });

    it('tables that cannot move, all at once', async () => {
      await admin.query('CREATE DATABASE Odd');
      await admin.query('CREATE TABLE Odd.NoOrg (Id INT PRIMARY KEY)');
      await admin.query('CREATE TABLE Odd.NoKey (OrgID INT)');
      await admin.query('CREATE TABLE Odd.Parent (Id INT PRIMARY KEY) ENGINE = InnoDB');
      await admin.query(`CREATE TABLE Odd.Child (Id INT PRIMARY KEY, OrgID INT, ParentId INT,
        FOREIGN KEY (ParentId) REFERENCES Parent (Id) ON DELETE CASCADE) ENGINE = InnoDB`);
      await admin.query(`CREATE TABLE Odd.Parts (Id INT PRIMARY KEY, OrgID INT) ENGINE = InnoDB
        PARTITION BY RANGE (Id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)`);
      await admin.query('CREATE TABLE Odd.Isam (Id INT PRIMARY KEY, OrgID INT) ENGINE = MyISAM');
      const tables = ['Absent', 'NoOrg', 'NoKey', 'Child', 'Parts', 'Isam'].map((table) => ({
        schema: 'Odd',
        table,
        orgColumn: 'OrgID',
      }));
      expect((await codes(tables)).filter((code) => !OTHERS.includes(code))).toEqual([
        'FOREIGN_KEY_CASCADES',
        'ORG_COLUMN_MISSING',
        'PRIMARY_KEY_MISSING',
        'TABLE_MISSING',
        'TABLE_NOT_INNODB',
        'TABLE_PARTITIONED',
      ]);
      for (const finding of await world().place.findings(tables, 42)) {
        expect(finding.message).not.toBe('');
        expect(finding.remedy).not.toBe('');
      }
      await admin.query('DROP DATABASE Odd');
    });

    it('an application’s account that may TRUNCATE', async () => {
      await admin.query(`GRANT DROP ON BigDB.* TO 'app'@'%'`);
      expect(await codes()).toContain('TRUNCATE_GRANTED');
      await admin.query(`REVOKE DROP ON BigDB.* FROM 'app'@'%'`);
    });

    it('shapes: keys in their order, generated columns, and tables that are not there', async () => {
      await admin.query(`CREATE TABLE BigDB.Shaped (B INT NOT NULL, A VARCHAR(5) NOT NULL, C INT AS (B + 1) STORED,
        D DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), PRIMARY KEY (A, B))`);
      const [shaped, absent] = await world().place.shapes([
        { schema: 'BigDB', table: 'Shaped', orgColumn: 'B' },
        { schema: 'BigDB', table: 'Absent', orgColumn: 'B' },
      ]);
      expect(shaped?.primaryKey).toEqual(['A', 'B']);
      expect(shaped?.columns.map(({ name, nullable, generated }) => [name, nullable, generated])).toEqual([
        ['B', false, false],
        ['A', false, false],
        ['C', true, true],
        ['D', false, false],
      ]);
      expect(absent).toEqual({ table: 'Absent', exists: false, primaryKey: [], columns: [] });
      await admin.query('DROP TABLE BigDB.Shaped');
    });

    it('ids: increment, offset, what comes next and the greatest there is', async () => {
      await admin.query('CREATE TABLE BigDB.Ids (Id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, OrgID INT)');
      await admin.query('INSERT INTO BigDB.Ids VALUES (9007199254740995, 1)');
      const ids = await world().place.autoIncrement([{ schema: 'BigDB', table: 'Ids', orgColumn: 'OrgID' }]);
      expect(ids).toEqual({
        increment: 1,
        offset: 1,
        tables: [{ table: 'Ids', column: 'Id', nextId: '9007199254740996', maxId: '9007199254740995' }],
      });
      await admin.query('DROP TABLE BigDB.Ids');
    });

    it('views give way to an ALTER that waits for them', async () => {
      const [view] = await world().place.openViews(1);
      await view?.query('SELECT COUNT(*) AS n FROM BigDB.CallLogs');
      await admin.query('ALTER TABLE BigDB.CallLogs ADD COLUMN Added INT NULL, ALGORITHM = INPLACE');
      await pollUntil('the view to say that it is lost', async () => {
        const error = await rejectionOf(view?.query('SELECT COUNT(*) AS n FROM BigDB.CallLogs') ?? Promise.resolve());
        return error instanceof ViewLostError;
      });
      await admin.query('ALTER TABLE BigDB.CallLogs DROP COLUMN Added');
    });
  });
}
