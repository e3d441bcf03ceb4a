import { describe, expect, test } from 'vitest';
import { create, type StoreServer, take } from '../world.ts';

const command = {
  actor: 'alice',
  role: 'operator',
  from: '10.0.0.1',
  action: 'POST /v1/migrations/:id/start',
  target: 'm-1',
  input: { reason: 'CHG-1 “quoted” 🐟' },
  requestId: 'r-1',
};

export function operationsSuite(server: () => StoreServer): void {
  describe('beside migrations', () => {
    test('a freeze stands until it is lifted, and the first one counts', async () => {
      const { store, another } = await server().newStore();
      expect(await store.frozen()).toBeNull();
      const freeze = { actor: 'alice', reason: 'incident', since: '2026-01-01T00:00:00.000Z' };
      expect(await store.freeze('alice', 'incident', Date.UTC(2026, 0, 1))).toEqual(freeze);
      expect(await another().freeze('bob', 'another', 1)).toEqual(freeze);
      expect(await another().frozen()).toEqual(freeze);
      await another().unfreeze();
      await store.unfreeze();
      expect(await store.frozen()).toBeNull();
    });

    test('the audit log has commands in order, each with its answer or without', async () => {
      const { store } = await server().newStore();
      const first = await store.auditCommand(command, 1_000);
      const second = await store.auditCommand({ ...command, target: 'm-2' }, 2_000);
      await store.auditOutcome(second, { status: 409, code: 'FROZEN' }, 2_500);
      const entries = await store.audit(0, 10);
      expect(entries).toEqual([
        { ...command, seq: first, at: '1970-01-01T00:00:01.000Z', outcome: null },
        {
          ...command,
          target: 'm-2',
          seq: second,
          at: '1970-01-01T00:00:02.000Z',
          outcome: { status: 409, code: 'FROZEN', at: '1970-01-01T00:00:02.500Z' },
        },
      ]);
      expect(await store.audit(first, 10)).toEqual(entries.slice(1));
      expect(await store.audit(0, 1)).toEqual(entries.slice(0, 1));
      // An answer is given once.
      await expect(store.auditOutcome(second, { status: 200, code: null }, 3_000)).rejects.toThrow();
    });

    test('a request with a key is begun once, also by two at the same time', async () => {
      const { store, another } = await server().newStore();
      const found = await Promise.all(
        [store, another(), another()].map((each) => each.beginRequest('alice', 'key', 'a'.repeat(64))),
      );
      expect(found.map((each) => each.found).sort()).toEqual(['nothing', 'unanswered', 'unanswered']);
      expect(await store.beginRequest('alice', 'key', 'b'.repeat(64))).toEqual({ found: 'other' });
      expect(await store.beginRequest('bob', 'key', 'b'.repeat(64))).toEqual({ found: 'nothing' });
      const answer = { status: 201, headers: { etag: '"1"' }, body: '{"id":"m-1"}' };
      await store.keepAnswer('alice', 'key', answer);
      expect(await store.beginRequest('alice', 'key', 'a'.repeat(64))).toEqual({ found: 'answer', answer });
      // What was answered is not forgotten; what was not may be sent again.
      await store.forgetRequest('alice', 'key');
      expect(await store.beginRequest('alice', 'key', 'a'.repeat(64))).toEqual({ found: 'answer', answer });
      await store.forgetRequest('bob', 'key');
      expect(await store.beginRequest('bob', 'key', 'c'.repeat(64))).toEqual({ found: 'nothing' });
    });

    test('a repair takes a migration from its owner, and is alive while it says so', async () => {
      const { store } = await server().newStore();
      const id = await create(store, 42);
      await take(store, 'a');
      await store.beatController('repair');
      expect(await store.isAlive('repair', 2_000)).toBe(true);
      expect(await store.isAlive('nobody', 2_000)).toBe(false);
      expect(await store.seize('repair', id)).toBe(2);
      expect(await store.newestOf(42)).toMatchObject({ id, owner: 'repair', epoch: 2 });
      expect(await take(store, 'a')).toEqual([]);
      await store.release('repair');
      expect(await take(store, 'a')).toEqual([id]);
      await expect(store.seize('repair', 'm-nobody')).rejects.toMatchObject({ code: 'MIGRATION_UNKNOWN' });
      expect(await store.newestOf(4711)).toBeNull();
    });
  });
}
