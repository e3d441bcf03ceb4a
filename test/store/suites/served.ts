import { describe, expect, test } from 'vitest';
import type { Store } from '../../../src/ports/store.ts';
import { create, rejection, type StoreServer, serve, take } from '../world.ts';

const sides = async (store: Store) =>
  Object.fromEntries((await store.routes()).orgs.map(({ orgId, side }) => [orgId, side]));

export function servedSuite(server: () => StoreServer): void {
  describe('who is served where', () => {
    test('follows the journals, and its revision grows with each change and no other step', async () => {
      const { store, another } = await server().newStore();
      expect(await store.routes()).toEqual({ revision: 1, orgs: [] });
      for (const orgId of [4, 7]) await create(store, orgId);
      await take(store, 'a');
      await serve(store, 'm-4', 'source');
      expect(await store.routes()).toEqual({ revision: 1, orgs: [] });
      await serve(store, 'm-4', 'held');
      expect(await another().routesRevision()).toBe(2);
      await serve(store, 'm-7', 'held');
      await serve(store, 'm-4', 'cluster');
      await serve(store, 'm-4', 'cluster');
      expect(await store.routesRevision()).toBe(4);
      expect(await another().routes()).toEqual({
        revision: 4,
        orgs: [
          {
            orgId: 4,
            side: 'cluster',
            homeRegion: 'eu-west-2',
            migrationId: 'm-4',
            sinceMs: Date.UTC(2026, 0, 2),
          },
          expect.objectContaining({ orgId: 7, side: 'held' }),
        ],
      });
      await serve(store, 'm-7', 'source');
      expect(await sides(store)).toEqual({ 4: 'cluster' });
      expect([(await store.servedBy(7))?.side, await store.servedBy(8)]).toEqual(['source', null]);
    });

    test('stays with the org when its migration has ended, until another one moves it', async () => {
      const { store } = await server().newStore();
      await create(store, 4, 'm-1');
      await take(store, 'a');
      await serve(store, 'm-1', 'held');
      await serve(store, 'm-1', 'source', { ended: true });
      await create(store, 4, 'm-2');
      await take(store, 'a');
      expect(await sides(store)).toEqual({});
      await serve(store, 'm-2', 'cluster', { ended: true });
      expect((await store.routes()).orgs).toMatchObject([{ orgId: 4, side: 'cluster', migrationId: 'm-2' }]);
    });

    test('is a line of the audit log, once for each change, holds left out', async () => {
      const { store } = await server().newStore();
      await create(store, 4);
      await take(store, 'a');
      await serve(store, 'm-4', 'held');
      await serve(store, 'm-4', 'cluster');
      await serve(store, 'm-4', 'cluster');
      await serve(store, 'm-4', 'held');
      await serve(store, 'm-4', 'source', { ended: true });
      await rejection(serve(store, 'm-4', 'cluster', { revision: 99 }));
      const entries = await store.audit(0, 100);
      expect(entries).toMatchObject([
        {
          actor: 'controller',
          action: 'served by the cluster',
          target: 'org 4',
          input: { migrationId: 'm-4', homeRegion: 'eu-west-2', epoch: 1 },
          outcome: { status: 200, code: null },
        },
        { action: 'served by the source', target: 'org 4' },
      ]);
      expect(entries[0]?.at).toBe(new Date(Date.UTC(2026, 0, 2)).toISOString());
    });

    test('is not changed by a step that is refused', async () => {
      const { store } = await server().newStore();
      await create(store, 4);
      await take(store, 'a');
      expect(await rejection(serve(store, 'm-4', 'cluster', { revision: 99 }))).toMatchObject({
        code: 'OWNERSHIP_LOST',
      });
      expect(await store.routes()).toEqual({ revision: 1, orgs: [] });
    });

    test('is read from the journals of an installation that is older than this table', async () => {
      const { store, sql } = await server().newStore();
      for (const orgId of [4, 7, 8]) await create(store, orgId);
      await create(store, 9, 'm-10');
      await take(store, 'a');
      await serve(store, 'm-4', 'cluster', { ended: true });
      await serve(store, 'm-7', 'held');
      await serve(store, 'm-10', 'held');
      await serve(store, 'm-10', 'source', { ended: true });
      await create(store, 9, 'm-11');
      await take(store, 'a');
      await serve(store, 'm-11', 'cluster');
      await sql(`UPDATE migrations SET journal = 'not of this world' WHERE id = 'm-8'`);
      await sql('DELETE FROM served WHERE org_id > 0');
      await sql('DELETE FROM schema_steps WHERE version = 4');
      await store.migrate();
      expect(await sides(store)).toEqual({ 4: 'cluster', 7: 'held', 8: 'unknown', 9: 'cluster' });
    });
  });
}
