import { describe, expect, test } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import { create, type StoreServer, step, take } from '../world.ts';

export function censusSuite(server: () => StoreServer): void {
  describe('the census', () => {
    test('counts moves by state, and those without a living controller', async () => {
      const { store } = await server().newStore();
      expect(await store.census(60_000)).toEqual({ active: [], ended: [], controllers: 0 });
      for (const orgId of [1, 2, 3]) await create(store, orgId);
      await create(store, 4, 'm-4', 'us-east-1');
      const planned = { state: 'planned', homeRegion: 'eu-west-2', moves: 3, unowned: 3 };
      expect((await store.census(60_000)).active).toContainEqual(planned);

      await take(store, 'a');
      await step(store, 'm-1');
      await step(store, 'm-2', { state: 'completed', ended: true });
      const { active, ended, controllers } = await store.census(60_000);
      expect(active).toHaveLength(3);
      expect(active).toContainEqual({ ...planned, moves: 1, unowned: 0 });
      expect(active).toContainEqual({ state: 'preflight', homeRegion: 'eu-west-2', moves: 1, unowned: 0 });
      expect(active).toContainEqual({ state: 'planned', homeRegion: 'us-east-1', moves: 1, unowned: 0 });
      expect(ended).toEqual([{ state: 'completed', moves: 1 }]);
      expect(controllers).toBe(1);
    });

    test('an owner that went silent counts as none', async () => {
      const { store } = await server().newStore();
      await create(store, 1);
      await take(store, 'a');
      await pollUntil('the silence to count', async () => {
        const { active, controllers } = await store.census(200);
        return active[0]?.unowned === 1 && controllers === 0;
      });
      expect((await store.census(60_000)).active[0]?.unowned).toBe(0);
    });
  });
}
