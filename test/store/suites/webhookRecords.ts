import { describe, expect, test } from 'vitest';
import type { Announce } from '../../../src/ports/webhooks.ts';
import { create, type StoreServer, step, take } from '../world.ts';

const announce: Announce = ({ context: { migrationId }, entries }) =>
  entries.flatMap(({ seq, message }) =>
    ['changes', 'chat'].map((hook) => ({ id: `${migrationId}.${seq}`, hook, migrationId, body: message })),
  );
const lease = 60_000;

/** What can be read of webhooks afterwards. */
export function webhookRecordSuite(server: () => StoreServer): void {
  describe('records of webhooks', () => {
    test('say what waits for each hook, and how the worst of it was answered', async () => {
      const { store, sql } = await server().newStore({ announce });
      expect(await store.hookBacklogs()).toEqual([]);
      for (const hook of ['changes', 'chat']) await store.keepHook(hook, 'a-1', lease);
      const none = { waiting: 0, oldestMs: null, tries: 0, answer: null };
      expect(await store.hookBacklogs()).toEqual(['changes', 'chat'].map((hook) => ({ hook, owner: 'a-1', ...none })));

      await create(store, 1);
      await create(store, 2);
      const [first, second] = await store.dueDeliveries('changes', [], 10);
      await store.recordTry(first?.seq ?? 0, { outcome: 'failed', answer: 'HTTP 503', againInMs: 60_000 });
      await store.recordTry(first?.seq ?? 0, { outcome: 'failed', answer: 'HTTP 500', againInMs: 60_000 });
      await store.recordTry(second?.seq ?? 0, { outcome: 'failed', answer: 'HTTP 404', againInMs: 60_000 });
      await store.letHooksGo('a-1');
      await sql("UPDATE webhook_deliveries SET made_at = '2026-01-02 03:04:05.006' WHERE seq = ?", [first?.seq]);
      expect(await store.hookBacklogs()).toEqual([
        {
          hook: 'changes',
          owner: null,
          waiting: 2,
          oldestMs: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
          tries: 2,
          answer: 'HTTP 500',
        },
        { hook: 'chat', owner: null, waiting: 2, oldestMs: expect.any(Number), tries: 0, answer: null },
      ]);
    });

    test('keep each delivery with what became of it, the newest first', async () => {
      const { store } = await server().newStore({ announce });
      await create(store, 1);
      await create(store, 2);
      await take(store, 'a');
      await step(store, 'm-1', { messages: ['later'] });
      const [one, two] = await store.dueDeliveries('changes', [], 10);
      await store.recordTry(one?.seq ?? 0, { outcome: 'delivered', answer: 'HTTP 200', againInMs: 0 });
      await store.recordTry(two?.seq ?? 0, { outcome: 'givenUp', answer: 'HTTP 410', againInMs: 0 });
      const kept = async (query: Partial<Parameters<typeof store.keptDeliveries>[0]> = {}) =>
        (await store.keptDeliveries({ hook: 'changes', limit: 10, ...query })).map(({ id }) => id);
      expect(await kept()).toEqual(['m-1.2', 'm-2.1', 'm-1.1']);
      expect(await kept({ limit: 1 })).toEqual(['m-1.2']);
      expect(await kept({ before: two?.seq ?? 0 })).toEqual(['m-1.1']);
      expect(await kept({ state: 'waiting' })).toEqual(['m-1.2']);
      expect(await kept({ state: 'delivered' })).toEqual(['m-1.1']);
      expect(await kept({ state: 'givenUp' })).toEqual(['m-2.1']);
      expect(await kept({ migrationId: 'm-1', state: 'waiting' })).toEqual(['m-1.2']);
      expect(await kept({ hook: 'other' })).toEqual([]);
      const [given] = await store.keptDeliveries({ hook: 'changes', state: 'givenUp', limit: 1 });
      expect(given).toMatchObject({ seq: two?.seq, tries: 1, outcome: 'givenUp', answer: 'HTTP 410', dueMs: null });
      expect(given?.endedMs).toBeGreaterThanOrEqual(given?.madeMs ?? Number.POSITIVE_INFINITY);
    });
  });
}
