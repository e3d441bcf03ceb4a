import { describe, expect, test } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import type { UpkeepReport } from '../../../src/ports/upkeep.ts';
import { create, type StoreServer, serve, take } from '../world.ts';

export function upkeepSuite(server: () => StoreServer): void {
  describe('looking after the proxies', () => {
    test('is for one controller at a time, until it lets go or is silent for too long', async () => {
      const { store, another } = await server().newStore();
      const other = another();
      expect(await store.upkeepTurn('a', 60_000)).toBe('go');
      expect(await other.upkeepTurn('b', 60_000)).toBe('lost');
      expect(await store.upkeepTurn('a', 60_000)).toBe('go');
      await other.endUpkeep('b');
      expect(await other.upkeepTurn('b', 60_000)).toBe('lost');
      await store.endUpkeep('a');
      expect(await other.upkeepTurn('b', 30)).toBe('go');
      await pollUntil('its lease to end', async () => (await store.upkeepTurn('a', 60_000)) === 'go');
    });

    test('waits while anybody is held, and for a proxy that is being added', async () => {
      const { store } = await server().newStore();
      await store.enrolFleet(['one'], 1_000);
      await create(store, 42);
      await take(store, 'a');
      expect(await store.upkeepTurn('a', 60_000)).toBe('go');
      await store.beginJoining('two', 'token', 60_000);
      expect(await store.upkeepTurn('a', 60_000)).toBe('joining');
      await serve(store, 'm-42', 'held');
      expect(await store.upkeepTurn('a', 60_000)).toBe('held');
      await store.endJoining('token');
      await serve(store, 'm-42', 'cluster');
      expect(await store.upkeepTurn('a', 60_000)).toBe('go');
    });

    test('knows every org with numbers at the proxies: its side, owner, last attempt, and whether it is done', async () => {
      const { store } = await server().newStore();
      for (const orgId of [4, 7, 9]) await create(store, orgId);
      await take(store, 'a');
      const slots = { 4: await store.routeSlot(4), 7: await store.routeSlot(7) };
      const hostgroups = { from: 9_000, to: 9_009 };
      for (const attempt of [1, 2]) {
        const at = { migrationId: 'm-7', attempt, epoch: 1, direction: 'forward', hostgroups, atMs: 1_000 } as const;
        await store.beginAttempt(at);
      }
      await serve(store, 'm-7', 'cluster', { state: 'completed', ended: true });
      const org = (orgId: 4 | 7) => ({ orgId, homeRegion: 'eu-west-2', slot: slots[orgId], epoch: 1 });
      const routed = [...(await store.routedOrgs())].sort((one, two) => one.orgId - two.orgId);
      expect(routed).toEqual([
        { ...org(4), side: 'source', attempt: 0, completed: false },
        { ...org(7), side: 'cluster', attempt: 2, completed: true },
      ]);
    });

    test('gives every part of a region the same pair of rules for ever', async () => {
      const { store, another } = await server().newStore();
      const first = await store.sharedPair('eu-west-2', 0);
      const second = await store.sharedPair('us-east-1', 0);
      expect([first, second, await store.sharedPair('eu-west-2', 1)]).toEqual([1, 2, 3]);
      expect(await another().sharedPair('us-east-1', 0)).toBe(second);
    });

    test('leaves for everybody what was found', async () => {
      const { store, another } = await server().newStore();
      expect(await store.upkeepReport()).toBeNull();
      const report: UpkeepReport = {
        atMs: 1_000,
        proxies: [
          {
            name: 'one',
            drift: [{ kind: 'route', orgId: 42, expected: 'cluster', found: 'source (no rules)', comment: null }],
            drifts: 1,
            shared: 2,
            sharedDigest: 'abc',
          },
        ],
        ownRules: [{ reason: 'one: rule 5 would decide before fast routing', orgs: 1, orgIds: [7] }],
      };
      await store.putUpkeepReport(report);
      expect(await another().upkeepReport()).toEqual(report);
    });
  });
}
