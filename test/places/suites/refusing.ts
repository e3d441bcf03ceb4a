import type { Connection } from 'mysql2/promise';
import { beforeAll, describe, expect, it } from 'vitest';
import { countOf, insert, nextEpoch, rejectionOf } from '../help.ts';
import type { World } from '../world.ts';

const ROW = `INTO BigDB.CallLogs (OrgID, Ref, Body)`;

/** Whom a fence refuses, in which statements, and whom it lets pass. */
export function refusingSuite(world: () => World): void {
  describe('what a closed fence refuses', () => {
    let admin: Connection;
    let app: Connection;
    let dms: Connection;
    let purge: Connection;

    beforeAll(async () => {
      admin = await world().connect(world().server.user);
      app = await world().connect('app');
      dms = await world().connect('dms');
      purge = await world().connect('purge');
      const { place } = world();
      await place.setFence(42, 'clients', nextEpoch(), 1_000);
      await place.setFence(4, 'clients', nextEpoch(), 1_000);
      await app.query(`INSERT ${ROW} VALUES (42, 'ref-42', 'before'), (4, 'ref-4', 'before')`);
      await place.setFence(42, 'nobody', nextEpoch(), 1_000);
    });

    it.each([
      ['an insert', `INSERT ${ROW} VALUES (42, NULL, 'after')`],
      ['INSERT IGNORE', `INSERT IGNORE ${ROW} VALUES (42, NULL, 'after')`],
      ['an upsert that inserts', `INSERT ${ROW} VALUES (42, 'new', 'after') ON DUPLICATE KEY UPDATE Body = 'after'`],
      ['an upsert that updates', `INSERT ${ROW} VALUES (42, 'ref-42', 'after') ON DUPLICATE KEY UPDATE Body = 'after'`],
      [
        'an upsert of another org on this row',
        `INSERT ${ROW} VALUES (4, 'ref-42', 'x') ON DUPLICATE KEY UPDATE Body = 'x'`,
      ],
      ['REPLACE', `REPLACE ${ROW} VALUES (42, 'ref-42', 'after')`],
      ['REPLACE by another org', `REPLACE ${ROW} VALUES (4, 'ref-42', 'after')`],
      ['INSERT ... SELECT', `INSERT ${ROW} SELECT OrgID, NULL, 'after' FROM BigDB.CallLogs WHERE OrgID = 42`],
      ['an update', `UPDATE BigDB.CallLogs SET Body = 'after' WHERE Ref = 'ref-42'`],
      ['UPDATE IGNORE', `UPDATE IGNORE BigDB.CallLogs SET Body = 'after' WHERE Ref = 'ref-42'`],
      ['a delete', `DELETE FROM BigDB.CallLogs WHERE Ref = 'ref-42'`],
      ['one statement over many orgs', `UPDATE BigDB.CallLogs SET Body = 'after' WHERE Ref IN ('ref-4', 'ref-42')`],
      ['a move to another org', `UPDATE BigDB.CallLogs SET OrgID = 4 WHERE Ref = 'ref-42'`],
      ['a move from another org', `UPDATE BigDB.CallLogs SET OrgID = 42 WHERE Ref = 'ref-4'`],
      ['rows without a fence in the same statement', `INSERT ${ROW} VALUES (4, NULL, 'after'), (42, NULL, 'after')`],
    ])('%s', async (_, sql) => {
      const rows = 'SELECT * FROM BigDB.CallLogs WHERE OrgID IN (4, 42) ORDER BY Id';
      const [before] = await admin.query(rows);
      expect(await rejectionOf(app.query(sql))).toMatchObject({
        sqlState: '45000',
        message: expect.stringContaining(`BIGDB_FENCE org=`),
      });
      expect(await rejectionOf(app.execute(sql))).toMatchObject({ sqlState: '45000' });
      const [after] = await admin.query(rows);
      expect(after).toEqual(before);
    });

    it('names org, place and writer', async () => {
      expect(await rejectionOf(insert(app, 42))).toMatchObject({
        message: `BIGDB_FENCE org=42 place=${world().place.name} writer=nobody`,
      });
    });

    it('reads, and writes of other orgs, pass', async () => {
      expect(await countOf(app, 42)).toBeGreaterThan(0);
      await insert(app, 4);
    });

    it('the purge user passes', async () => {
      await insert(purge, 42);
    });

    it('only the class named passes: the task of this side, or the clients', async () => {
      const { place } = world();
      const task = place.kind === 'site' ? 'reverse' : 'forward';
      const opposite = place.kind === 'site' ? 'forward' : 'reverse';
      await place.setFence(42, task, nextEpoch(), 1_000);
      await insert(dms, 42);
      await rejectionOf(insert(app, 42));
      await place.setFence(42, opposite, nextEpoch(), 1_000);
      await rejectionOf(insert(dms, 42));
      await rejectionOf(insert(app, 42));
      await place.setFence(42, 'clients', nextEpoch(), 1_000);
      await insert(app, 42);
      await rejectionOf(insert(dms, 42));
    });

    it('an org without a row is open to clients at a site and to nobody at a cluster', async () => {
      const site = world().place.kind === 'site';
      const attempt = insert(app, 9_001);
      if (site) await attempt;
      else expect(await rejectionOf(attempt)).toMatchObject({ message: expect.stringContaining('writer=none') });
      await rejectionOf(insert(dms, 9_001));
    });
  });
}
