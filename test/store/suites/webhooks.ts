import { describe, expect, test } from 'vitest';
import type { Announce } from '../../../src/ports/webhooks.ts';
import { create, rejection, type StoreServer, step, take } from '../world.ts';

/** Tells two hooks of everything, by its message. */
const announce: Announce = ({ context: { migrationId }, entries }) =>
  entries.flatMap(({ seq, message }) =>
    ['chat', 'changes'].map((hook) => ({ id: `${migrationId}.${seq}`, hook, migrationId, body: message })),
  );

const lease = 60_000;
const soon = { outcome: 'failed', answer: 'HTTP 500', againInMs: 0 } as const;
const taken = { outcome: 'delivered', answer: 'HTTP 200', againInMs: 0 } as const;

export function webhookSuite(server: () => StoreServer): void {
  describe('webhooks', () => {
    test('a step takes along what hooks are told of it; a refused one leaves nothing', async () => {
      const { store, sql } = await server().newStore({ announce });
      const id = await create(store, 42);
      await take(store, 'a');
      await step(store, id, { messages: ['one', 'two'] });
      await rejection(step(store, id, { epoch: 99, messages: ['three'] }));
      const rows = await sql('SELECT hook, body FROM webhook_deliveries WHERE hook = ? ORDER BY seq', ['chat']);
      expect(rows.map(({ body }) => body)).toEqual(['created', 'one', 'two']);
    });

    test('without hooks nothing is written', async () => {
      const { store, sql } = await server().newStore();
      const id = await create(store, 42);
      await take(store, 'a');
      await step(store, id);
      expect(await sql('SELECT seq FROM webhook_deliveries')).toEqual([]);
    });

    test('of each migration the first that has not ended is due, by hook', async () => {
      const { store } = await server().newStore({ announce });
      await create(store, 1);
      await create(store, 2);
      await take(store, 'a');
      await step(store, 'm-1', { messages: ['later'] });
      const due = async (besides: string[] = [], atMost = 10) =>
        (await store.dueDeliveries('chat', besides, atMost)).map(({ id, body }) => `${id} ${body}`);
      expect(await due()).toEqual(['m-1.1 created', 'm-2.1 created']);
      expect(await due(['m-1'])).toEqual(['m-2.1 created']);
      expect(await due([], 1)).toEqual(['m-1.1 created']);
      const [first] = await store.dueDeliveries('chat', [], 1);
      expect(first).toMatchObject({ hook: 'chat', migrationId: 'm-1', tries: 0, ageMs: expect.any(Number) });

      // It waits for its next try, and what comes behind it waits with it.
      await store.recordTry(first?.seq ?? 0, { ...soon, againInMs: 3_600_000 });
      expect(await due()).toEqual(['m-2.1 created']);
      expect((await store.dueDeliveries('changes', [], 10)).map(({ id }) => id)).toEqual(['m-1.1', 'm-2.1']);
      await store.recordTry(first?.seq ?? 0, soon);
      expect(await store.dueDeliveries('chat', [], 1)).toMatchObject([{ id: 'm-1.1', tries: 2 }]);
      await store.recordTry(first?.seq ?? 0, taken);
      expect(await due()).toEqual(['m-2.1 created', 'm-1.2 later']);
    });

    test('what has ended stays so, and is kept until it is old', async () => {
      const { store, sql } = await server().newStore({ announce });
      await create(store, 1);
      const [first] = await store.dueDeliveries('chat', [], 1);
      const seq = first?.seq ?? 0;
      await store.recordTry(seq, { outcome: 'givenUp', answer: 'HTTP 410', againInMs: 0 });
      await store.recordTry(seq, soon);
      const of = 'SELECT tries, outcome, answer FROM webhook_deliveries WHERE seq = ?';
      expect(await sql(of, [seq])).toMatchObject([{ tries: 1, outcome: 'givenUp', answer: 'HTTP 410' }]);
      await store.dropDeliveries(3_600_000);
      expect(await sql(of, [seq])).toHaveLength(1);
      await sql('UPDATE webhook_deliveries SET made_at = UTC_TIMESTAMP(3) - INTERVAL 2 HOUR WHERE seq = ?', [seq]);
      await store.dropDeliveries(3_600_000);
      expect(await sql(of, [seq])).toEqual([]);
      expect(await store.dueDeliveries('changes', [], 10)).toHaveLength(1);
    });

    test('a hook is one controller’s until it lets go or falls silent', async () => {
      const { store, another } = await server().newStore();
      const other = another();
      const both = await Promise.all([store.keepHook('chat', 'a', lease), other.keepHook('chat', 'b', lease)]);
      expect(both.filter((kept) => kept)).toHaveLength(1);
      const [owner, waiting] = both[0] ? ['a', 'b'] : ['b', 'a'];
      expect(await store.keepHook('chat', owner ?? '', lease)).toBe(true);
      expect(await store.keepHook('chat', waiting ?? '', lease)).toBe(false);
      expect(await store.keepHook('changes', waiting ?? '', lease)).toBe(true);
      await store.letHooksGo(owner ?? '');
      expect(await store.keepHook('chat', waiting ?? '', lease)).toBe(true);
      expect(await store.keepHook('chat', owner ?? '', lease)).toBe(false);
      // Silent for longer than it may be.
      await expect.poll(() => store.keepHook('chat', owner ?? '', 1)).toBe(true);
    });
  });
}
