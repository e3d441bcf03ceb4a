import { describe, expect, test } from 'vitest';
import type { AttemptRow, Store } from '../../../src/ports/store.ts';
import { create, nothing, rejection, type StoreServer, serve, take } from '../world.ts';

const pinned = { file: 'binlog.000007', position: 4_242, gtid: '0-1-77' };
const hostgroups = { from: 9_000, to: 9_003 };

function begin(store: Store, migrationId: string, epoch: number, attempt = 1, range = hostgroups): Promise<AttemptRow> {
  return store.beginAttempt({ migrationId, attempt, epoch, direction: 'forward', hostgroups: range, atMs: 1_000 });
}

/** A migration of instance `a`, with its first attempt begun under epoch 1. */
async function begun(store: Store, orgId = 42): Promise<string> {
  const id = await create(store, orgId);
  await take(store, 'a');
  await begin(store, id, 1);
  return id;
}

const decision = (migrationId: string, epoch: number, what: 'commit' | 'abort') => ({
  migrationId,
  attempt: 1,
  epoch,
  decision: what,
  pinned: what === 'commit' ? pinned : null,
});

export function attemptSuite(server: () => StoreServer): void {
  describe('an attempt', () => {
    test('is begun once: asked again, its owner gets the same row', async () => {
      const { store } = await server().newStore();
      const id = await begun(store);
      const row = await store.getAttempt(id, 1);
      expect(row).toEqual({
        migrationId: id,
        attempt: 1,
        epoch: 1,
        direction: 'forward',
        holdHostgroup: 9_000,
        decision: null,
        pinned: null,
      });
      expect(await begin(store, id, 1)).toEqual(row);
      expect(await store.getAttempt(id, 2)).toBeNull();
    });

    test('goes over to a newer owner while nothing is decided, and never back', async () => {
      const { store } = await server().newStore();
      const id = await begun(store);
      expect(await rejection(begin(store, id, 2))).toMatchObject({ code: 'OWNERSHIP_LOST', epoch: 2 });
      await store.release('a');
      await take(store, 'b');
      expect(await begin(store, id, 2)).toMatchObject({ epoch: 2, holdHostgroup: 9_000 });
      expect(await rejection(begin(store, id, 1))).toMatchObject({ code: 'OWNERSHIP_LOST', epoch: 1 });
    });

    test('of a migration that has ended is not begun, and its end gives back what never held', async () => {
      const { store } = await server().newStore();
      const id = await begun(store);
      await begin(store, id, 1, 2);
      await store.decide(decision(id, 1, 'abort'));
      await serve(store, id, 'source', { ended: true });
      // An attempt that held gives its number back when its hostgroup is at rest.
      expect(await store.unretired(id)).toMatchObject([{ attempt: 1 }]);
      expect(await rejection(begin(store, id, 1, 3))).toMatchObject({ code: 'OWNERSHIP_LOST' });
    });

    test('is told of afterwards', async () => {
      const { store } = await server().newStore();
      const id = await begun(store);
      const reason = { code: 'DRAIN_TIMEOUT', message: 'a session stayed', remedy: 'end it', details: { session: 7 } };
      await store.reportAttempt(id, 1, {
        phases: [{ phase: 'hold', ms: 12.5, ok: true }],
        writePauseMs: 250.5,
        readPauseMs: null,
        endedAtMs: 2_000,
        reason,
      });
      expect(await store.attempts(id)).toEqual([
        {
          attempt: 1,
          direction: 'forward',
          startedAt: '1970-01-01T00:00:01.000Z',
          endedAt: '1970-01-01T00:00:02.000Z',
          decision: null,
          phases: [{ phase: 'hold', ms: 12.5, ok: true }],
          writePauseMs: 250.5,
          readPauseMs: null,
          reason,
        },
      ]);
    });
  });

  describe('the decision', () => {
    test.each([
      { first: 'commit', second: 'abort' },
      { first: 'abort', second: 'commit' },
    ] as const)('is written once: after $first, $second finds $first', async ({ first, second }) => {
      const { store } = await server().newStore();
      const id = await begun(store);
      expect(await store.decide(decision(id, 1, first))).toBe(first);
      expect(await store.decide(decision(id, 1, second))).toBe(first);
      expect(await store.decide(decision(id, 1, first))).toBe(first);
      expect(await store.getAttempt(id, 1)).toMatchObject({
        decision: first,
        pinned: first === 'commit' ? pinned : null,
      });
    });

    test('of an owner that was replaced is refused, whichever it is', async () => {
      const { store } = await server().newStore();
      const id = await begun(store);
      await store.release('a');
      await take(store, 'b');
      for (const what of ['commit', 'abort'] as const) {
        expect(await rejection(store.decide(decision(id, 1, what)))).toMatchObject({
          code: 'OWNERSHIP_LOST',
          epoch: 1,
        });
      }
      expect(await store.getAttempt(id, 1)).toMatchObject({ decision: null });
    });

    test('a new owner cannot commit an attempt that another one began; it can abort it', async () => {
      const { store } = await server().newStore();
      const id = await begun(store);
      await store.release('a');
      await take(store, 'b');
      expect(await store.decide(decision(id, 2, 'commit'))).toBe('abort');
      expect(await store.getAttempt(id, 1)).toMatchObject({ decision: null, pinned: null });
      expect(await store.decide(decision(id, 2, 'abort'))).toBe('abort');
      expect(await store.getAttempt(id, 1)).toMatchObject({ decision: 'abort' });
    });

    test('two owners at once: all that are answered are told the same, and it is what stands', async () => {
      const { store, another } = await server().newStore();
      const other = another();
      await other.beatController('b');
      const seen = new Set<string>();
      for (let orgId = 1; orgId <= 16; orgId++) {
        const id = await begun(store, orgId);
        await store.beatController('a');
        const answers = await Promise.allSettled([
          store.decide(decision(id, 1, 'commit')),
          (async () => {
            // Takes over in the very moment: the old owner is silent for longer than no time at all.
            await other.claim('b', 0, nothing);
            return other.decide(decision(id, (await other.get(id))?.epoch ?? 0, 'abort'));
          })(),
        ]);
        const told = answers.filter((answer) => answer.status === 'fulfilled').map(({ value }) => value);
        const refused = answers.filter((answer) => answer.status === 'rejected').map(({ reason }) => reason.code);
        const stands = (await store.getAttempt(id, 1))?.decision;
        expect(new Set([...told, stands]).size).toBe(1);
        expect(new Set([...refused, 'OWNERSHIP_LOST'])).toEqual(new Set(['OWNERSHIP_LOST']));
        seen.add(String(stands));
        await store.retireAttempt(id, 1);
        await store.release('b');
      }
      expect(seen.size).toBeGreaterThan(0);
    });
  });

  describe('hold hostgroups', () => {
    test('are never given twice, to however many at once; spent ones are named', async () => {
      const { store, another } = await server().newStore();
      const stores = [store, another()];
      const range = { from: 500, to: 507 };
      const orgs = Array.from({ length: 8 }, (_, n) => n + 1);
      await Promise.all(orgs.map((orgId) => create(store, orgId)));
      await take(store, 'a');
      const rows = await Promise.all(orgs.map((orgId, n) => begin(stores[n % 2] as Store, `m-${orgId}`, 1, 1, range)));
      expect(rows.map(({ holdHostgroup }) => holdHostgroup).sort()).toEqual([500, 501, 502, 503, 504, 505, 506, 507]);
      await create(store, 99);
      await take(store, 'a');
      expect(await rejection(begin(store, 'm-99', 1, 1, range))).toMatchObject({
        code: 'HOLD_HOSTGROUPS_SPENT',
        details: range,
      });
      expect(await store.getAttempt('m-99', 1)).toBeNull();
    });

    test('come back when they were retired, the longest rested first', async () => {
      const { store } = await server().newStore();
      const id = await begun(store);
      expect(await store.unretired(id)).toMatchObject([{ attempt: 1, holdHostgroup: 9_000 }]);
      await store.retireAttempt(id, 1);
      expect(await store.unretired(id)).toEqual([]);
      const given = [];
      for (const attempt of [2, 3, 4, 5]) given.push((await begin(store, id, 1, attempt)).holdHostgroup);
      expect(given).toEqual([9_001, 9_002, 9_003, 9_000]);
    });
  });

  test('an org keeps its slot among the rules for ever', async () => {
    const { store, another } = await server().newStore();
    const other = another();
    const orgs = [4, 42, 420, 7];
    const ask = () => Promise.all(orgs.flatMap((orgId) => [store.routeSlot(orgId), other.routeSlot(orgId)]));
    const first = await ask();
    expect(new Set(first).size).toBe(orgs.length);
    expect(first.filter((_, n) => n % 2 === 0)).toEqual(first.filter((_, n) => n % 2 === 1));
    expect(await ask()).toEqual(first);
    expect(Math.min(...first)).toBeGreaterThanOrEqual(1);
  });
}
