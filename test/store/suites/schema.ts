import { describe, expect, test } from 'vitest';
import { create, rejection, type StoreServer } from '../world.ts';

const steps = 'SELECT version, step FROM schema_steps ORDER BY version, step';

export function schemaSuite(server: () => StoreServer): void {
  describe('the schema', () => {
    test('is made once, however often and by however many at once', async () => {
      const { store, another, sql } = await server().newStore({ migrated: false });
      await Promise.all([store.migrate(), another().migrate(), another().migrate()]);
      const made = await sql(steps);
      await store.migrate();
      expect(await sql(steps)).toEqual(made);
      const versions = Map.groupBy(made, ({ version }) => version);
      // Numbers may be left out: somebody else's, not there yet.
      expect([...versions.keys()]).toEqual([...versions.keys()].toSorted((one, other) => one - other));
      for (const ofOne of versions.values()) {
        expect(ofOne.map(({ step }) => step)).toEqual(ofOne.map((_, index) => index));
      }
      await create(store, 4);
      expect((await store.get('m-4'))?.orgId).toBe(4);
    });

    test('is finished when the one who made it was cut off between a statement and its record', async () => {
      const { store, sql } = await server().newStore();
      const made = await sql(steps);
      for (let left = made.length - 1; left >= 0; left--) {
        await sql('DELETE FROM schema_steps WHERE step >= ?', [left]);
        await store.migrate();
        expect(await sql(steps)).toEqual(made);
      }
    });

    test('is waited for by nobody where it is up to date', async () => {
      const { store, another, sql, database } = await server().newStore();
      const made = await sql(steps);
      const pool = server().pool(database);
      const lock = await pool.getConnection();
      try {
        await lock.query("SELECT GET_LOCK(CONCAT('bigdb_cutover_schema_', DATABASE()), 1)");
        await another().migrate();
        // Where something is missing, whoever has the lock comes first.
        await sql('DELETE FROM schema_steps WHERE version = 9');
        let done = false;
        const migrating = store.migrate().then(() => {
          done = true;
        });
        // Its own look and what it makes first are answered by then: it waits for the lock.
        for (let looks = 0; looks < 20; looks++) await sql('SELECT 1');
        expect(done).toBe(false);
        await lock.query("SELECT RELEASE_LOCK(CONCAT('bigdb_cutover_schema_', DATABASE()))");
        await migrating;
        expect(await sql(steps)).toEqual(made);
      } finally {
        lock.destroy();
        await pool.end();
      }
    });

    test('of a newer version is refused and left alone', async () => {
      const { store, sql } = await server().newStore({ migrated: false });
      await store.migrate();
      await sql('INSERT INTO schema_steps VALUES (99, 0, NOW(3))');
      expect(await rejection(store.migrate())).toMatchObject({
        code: 'STORE_SCHEMA_NEWER',
        details: { found: 99 },
        remedy: expect.stringContaining('Upgrade'),
      });
      expect((await sql('SELECT COUNT(*) AS n FROM schema_steps WHERE version = 99'))[0]?.n).toBe(1);
    });
  });
}
