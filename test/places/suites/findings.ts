import type { Connection } from 'mysql2/promise';
import { beforeAll, describe, expect, it } from 'vitest';
import { installFence } from '../../../src/fence/index.ts';
import type { OrgTable } from '../../../src/ports/place.ts';
import type { World } from '../world.ts';

// A single site has nobody to replicate with, and no cluster's heartbeat row.
const OF_A_LONE_SITE = ['HEARTBEAT_ROW_MISSING', 'REPLICATION_NOT_RUNNING'];

/** What is found before a move, and the shapes and ids that others compare. */
export function findingSuite(world: () => World): void {
  describe('findings', () => {
    let admin: Connection;
    let common: readonly string[];

    const codes = async (tables: readonly OrgTable[] = world().plan.tables, orgId = 42) =>
      (await world().place.findings(tables, orgId))
        .map((finding) => finding.code)
        .filter((code) => !common.includes(code))
        .sort();

    beforeAll(async () => {
      admin = await world().connect(world().server.user);
      common = world().place.kind === 'site' ? OF_A_LONE_SITE : [];
    });

    it('none where all is well', async () => {
      expect(await codes()).toEqual([]);
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
      expect((await codes(tables)).filter((code) => code !== 'FENCE_TRIGGERS_MISSING')).toEqual([
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

    it('an org that is not enrolled', async () => {
      expect(await codes(undefined, 5_005)).toContain('FENCE_ROW_MISSING');
    });

    it('a trigger that is gone, until it is installed again', async () => {
      const [rows] = await admin.query<import('mysql2').RowDataPacket[]>(
        `SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS
         WHERE EVENT_OBJECT_TABLE = 'Blobs' AND EVENT_MANIPULATION = 'DELETE'`,
      );
      await admin.query(`DROP TRIGGER BigDB.${String(rows[0]?.name)}`);
      expect(await codes()).toEqual(['FENCE_TRIGGERS_MISSING']);
      await installFence(world().plan);
      expect(await codes()).toEqual([]);
    });

    it('a server that is read-only, or logs no full rows', async () => {
      const kind = world().place.kind === 'site' ? 'SITE' : 'CLUSTER';
      await admin.query(`SET GLOBAL read_only = ON`);
      await admin.query(`SET GLOBAL binlog_row_image = 'MINIMAL'`);
      try {
        expect(await codes()).toEqual(['BINLOG_NOT_ROW', `${kind}_READ_ONLY`]);
        expect(await world().place.isReadOnly()).toBe(true);
      } finally {
        await admin.query(`SET GLOBAL read_only = OFF`);
        await admin.query(`SET GLOBAL binlog_row_image = 'FULL'`);
      }
      expect(await world().place.isReadOnly()).toBe(false);
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

    it('prepared XA transactions are listed', async () => {
      const app = await world().connect(world().server.user);
      await app.query(`XA START 'left behind'`);
      await app.query(`INSERT INTO BigDB.Blobs VALUES (4, 'xa', 'x')`);
      await app.query(`XA END 'left behind'`);
      await app.query(`XA PREPARE 'left behind'`);
      expect(await world().place.preparedXa()).toEqual([`1:${Buffer.from('left behind').toString('hex')}`]);
      await app.query(`XA ROLLBACK 'left behind'`);
      expect(await world().place.preparedXa()).toEqual([]);
    });

    it('the binlog position moves on with a write', async () => {
      const before = await world().place.binlogPosition();
      await admin.query(`REPLACE INTO BigDB.Blobs VALUES (4, 'position', 'x')`);
      const after = await world().place.binlogPosition();
      expect(after.file >= before.file && after.position > before.position).toBe(true);
      expect(after.file).toMatch(/^binlog\.\d+$/);
    });
  });
}
