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
