import { describe, expect, test } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import type { FleetChange } from '../../../src/ports/fleet.ts';
import { create, type StoreInstance, type StoreServer, take } from '../world.ts';

const change = (name: string): FleetChange => ({
  name,
  actor: 'ann',
  reason: 'its host burnt',
  evidence: { refused: 5 },
  atMs: 2_000,
});

const standings = async ({ store }: StoreInstance) =>
  Object.fromEntries((await store.readFleet()).proxies.map(({ name, standing }) => [name, standing]));

/** Orgs with an attempt each, of instance `a`; their ids. */
async function attemptsOf({ store }: StoreInstance, orgIds: readonly number[]): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const orgId of orgIds) ids.push(await create(store, orgId));
  await take(store, 'a');
  const hostgroups = { from: 9_000, to: 9_009 };
  for (const migrationId of ids) {
    await store.beginAttempt({ migrationId, attempt: 1, epoch: 1, direction: 'forward', hostgroups, atMs: 1_000 });
  }
  return ids;
}

const commit = ({ store }: StoreInstance, migrationId: string, fleetRevision: number) =>
  store.decide({ migrationId, attempt: 1, epoch: 1, decision: 'commit', pinned: null, fleetRevision });

export function fleetSuite(server: () => StoreServer): void {
  describe('the fleet', () => {
    test('is what the configuration names at first; a proxy that appears after orgs were held is no member', async () => {
      const instance = await server().newStore();
      const { store } = instance;
      await store.enrolFleet(['one', 'two'], 1_000);
      await store.enrolFleet(['one', 'two', 'three'], 1_500);
      expect(await standings(instance)).toEqual({ one: 'member', two: 'member', three: 'member' });
      await attemptsOf(instance, [42]);
      const { revision } = await store.readFleet();
      await store.enrolFleet(['one', 'two', 'four'], 2_000);
      expect(await standings(instance)).toEqual({ one: 'member', two: 'member', three: 'member' });
      expect((await store.readFleet()).revision).toBe(revision);
    });

    test('of an installation that is older than this table is what its configuration names', async () => {
      const instance = await server().newStore();
      await attemptsOf(instance, [42]);
      await instance.store.enrolFleet(['one', 'two'], 1_000);
      expect(await standings(instance)).toEqual({ one: 'member', two: 'member' });
    });

    test('loses a proxy with who, why and the evidence, never its last one, and every controller sees it', async () => {
      const instance = await server().newStore();
      const other = instance.another();
      await instance.store.enrolFleet(['one', 'two'], 1_000);
      await instance.store.rememberFacts('one', { version: '2.7.1', trafficPorts: [6033], monitorEveryMs: 8_000 });
      expect(await instance.store.removeFromFleet(change('nobody'))).toBe(false);
      expect(await instance.store.removeFromFleet(change('one'))).toBe(true);
      expect(await other.removeFromFleet(change('one'))).toBe(false);
      expect(await other.removeFromFleet(change('two'))).toBe(false);
      const { proxies } = await other.readFleet();
      expect(proxies).toEqual([
        {
          name: 'one',
          standing: 'removed',
          sinceMs: 2_000,
          actor: 'ann',
          reason: 'its host burnt',
          evidence: { refused: 5 },
          facts: { version: '2.7.1', trafficPorts: [6033], monitorEveryMs: 8_000 },
        },
        { name: 'two', standing: 'member', sinceMs: 1_000, actor: null, reason: null, evidence: {}, facts: null },
      ]);
      // A controller that starts again does not take it back.
      await other.enrolFleet(['one', 'two'], 3_000);
      expect(await standings(instance)).toEqual({ one: 'removed', two: 'member' });
    });

    test('two removals at once never leave none', async () => {
      const instance = await server().newStore();
      const other = instance.another();
      await instance.store.enrolFleet(['one', 'two'], 1_000);
      const done = await Promise.all([
        instance.store.removeFromFleet(change('one')),
        other.removeFromFleet(change('two')),
      ]);
      expect(done.toSorted()).toEqual([false, true]);
    });

    test('that changed since the attempt was prepared lets it abort only, and the abort stands', async () => {
      const instance = await server().newStore();
      await instance.store.enrolFleet(['one', 'two', 'three'], 1_000);
      const [steady = '', removed = '', joined = ''] = await attemptsOf(instance, [1, 2, 3]);
      const { revision } = await instance.store.readFleet();
      expect(await commit(instance, steady, revision)).toBe('commit');
      await instance.store.removeFromFleet(change('three'));
      expect(await commit(instance, removed, revision)).toBe('abort');
      expect(await instance.store.getAttempt(removed, 1)).toMatchObject({ decision: 'abort' });
      const after = (await instance.store.readFleet()).revision;
      await instance.store.beginJoining('three', 'token', 60_000);
      expect(await commit(instance, joined, after)).toBe('abort');
      // Decided before: asked again, it is told what stands.
      expect(await commit(instance, steady, revision)).toBe('commit');
    });

    test('takes in one proxy at a time, and only under a lease that was kept', async () => {
      const instance = await server().newStore();
      const { store } = instance;
      await store.enrolFleet(['one', 'two', 'three'], 1_000);
      await store.removeFromFleet(change('one'));
      expect(await store.beginJoining('one', 'first', 60_000)).toBe(true);
      expect((await store.readFleet()).joining).toBe('one');
      expect(await store.beginJoining('four', 'second', 60_000)).toBe(false);
      expect(await store.keepJoining('second', 60_000)).toBe(false);
      expect(await store.admitToFleet('second', change('four'))).toBe(false);
      expect(await store.keepJoining('first', 60_000)).toBe(true);
      expect(await store.admitToFleet('first', change('one'))).toBe(true);
      expect(await store.admitToFleet('first', change('one'))).toBe(false);
      expect(await store.readFleet()).toMatchObject({ joining: null });
      expect(await standings(instance)).toEqual({ one: 'member', two: 'member', three: 'member' });
    });

    test('is free again when the controller that added a proxy died in it', async () => {
      const instance = await server().newStore();
      const { store } = instance;
      await store.enrolFleet(['one', 'two'], 1_000);
      await store.removeFromFleet(change('one'));
      await store.beginJoining('one', 'dead', 200);
      await pollUntil('the lease to end', async () => (await store.readFleet()).joining === null);
      expect(await store.keepJoining('dead', 60_000)).toBe(false);
      expect(await store.admitToFleet('dead', change('one'))).toBe(false);
      expect(await standings(instance)).toEqual({ one: 'removed', two: 'member' });
      expect(await store.beginJoining('one', 'next', 60_000)).toBe(true);
      await store.endJoining('next');
      expect((await store.readFleet()).joining).toBeNull();
    });
  });
}
