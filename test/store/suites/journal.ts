import { describe, expect, test } from 'vitest';
import type { Store } from '../../../src/ports/store.ts';
import { create, event, plannedJournal, rejection, type StoreServer, step, take } from '../world.ts';

export function journalSuite(server: () => StoreServer): void {
  describe('the journal', () => {
    test('gives back what was written', async () => {
      const { store } = await server().newStore();
      const id = await create(store, 42);
      expect(await store.get(id)).toEqual({
        id,
        orgId: 42,
        waveId: null,
        homeRegion: 'eu-west-2',
        state: 'planned',
        sinceMs: Date.UTC(2026, 0, 1),
        createdAtMs: Date.UTC(2026, 0, 1),
        ended: false,
        journal: plannedJournal(42, id),
        revision: 1,
        epoch: 0,
        owner: null,
      });
      expect(await store.get('m-nobody')).toBeNull();
    });

    test('takes a step from the epoch and the revision that stand there, and no other', async () => {
      const { store } = await server().newStore();
      const id = await create(store, 42);
      await take(store, 'a');
      const before = await store.get(id);
      for (const stale of [{ epoch: 0 }, { epoch: 2 }, { revision: 1 }, { revision: 99 }]) {
        expect(await rejection(step(store, id, stale))).toMatchObject({ code: 'OWNERSHIP_LOST', migrationId: id });
      }
      expect(await store.get(id)).toEqual(before);
      expect((await store.events(id, 0, 100)).map(({ message }) => message)).toEqual(['created']);

      await step(store, id, { state: 'preflight', messages: ['one', 'two'] });
      expect(await store.get(id)).toMatchObject({
        state: 'preflight',
        epoch: 1,
        revision: (before?.revision ?? 0) + 1,
      });
      expect((await store.events(id, 0, 100)).map(({ message }) => message)).toEqual(['created', 'one', 'two']);
    });

    test('of several steps from one revision exactly one is taken', async () => {
      const { store, another } = await server().newStore();
      const id = await create(store, 42);
      await take(store, 'a');
      const stores = [store, another(), another(), another()];
      const outcomes = await Promise.allSettled(
        stores.map((each, n) => step(each, id, { revision: 2, messages: [`${n}`] })),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await store.events(id, 0, 100)).toHaveLength(2);
    });

    test('knows who planned and who started it, however long its timeline has become', async () => {
      const { store } = await server().newStore();
      const id = await create(store, 42);
      const data = (command: string, actor: string) => ({ command, actor, reason: 'as "command":"start" says' });
      await store.note(id, [{ ...event('created'), type: 'command', data: data('create', 'ann') }]);
      await store.note(
        id,
        Array.from({ length: 120 }, () => ({ ...event('waits'), data: { command: 'start', actor: 'nobody' } })),
      );
      await store.note(id, [
        { ...event('start'), type: 'state', data: data('start', 'bob “B”') },
        { ...event('start'), type: 'command', data: data('start', 'bob “B”') },
        { ...event('approve'), type: 'state', data: data('approve', 'cid') },
      ]);
      expect((await store.starters(id)).toSorted()).toEqual(['ann', 'bob “B”']);
      expect(await store.starters('m-nobody')).toEqual([]);
    });

    test('an org has one migration that has not ended; who comes second is told of the first', async () => {
      const { store, another } = await server().newStore();
      await create(store, 42, 'm-first');
      expect(await rejection(create(another(), 42, 'm-second'))).toMatchObject({
        code: 'ORG_ALREADY_MOVING',
        orgId: 42,
        migrationId: 'm-first',
        state: 'planned',
      });
      expect(await store.get('m-second')).toBeNull();
      expect(await store.events('m-second', 0, 10)).toEqual([]);
    });

    test('two that create at once: one does', async () => {
      const { store, another } = await server().newStore();
      const stores: Store[] = [store, another(), another()];
      const outcomes = await Promise.allSettled(stores.map((each, n) => create(each, 42, `m-${n}`)));
      const failed = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason);
      expect(failed.map(({ code }) => code)).toEqual(['ORG_ALREADY_MOVING', 'ORG_ALREADY_MOVING']);
    });

    test('after the end the org may move again, under a higher epoch than before', async () => {
      const { store } = await server().newStore();
      await create(store, 42, 'm-1');
      await take(store, 'a');
      await store.release('a');
      await take(store, 'b');
      await step(store, 'm-1', { state: 'cancelled', ended: true });
      expect(await store.get('m-1')).toMatchObject({ ended: true, epoch: 2 });
      await create(store, 42, 'm-2');
      expect(await take(store, 'b')).toEqual(['m-2']);
      expect(await store.get('m-2')).toMatchObject({ epoch: 3, ended: false });
    });

    test('of a version that is not known is refused', async () => {
      const { store, sql } = await server().newStore();
      const id = await create(store, 42);
      await sql(`UPDATE migrations SET journal = JSON_SET(journal, '$.version', 7) WHERE id = ?`, [id]);
      expect(await rejection(store.get(id))).toMatchObject({
        code: 'JOURNAL_VERSION_UNKNOWN',
        migrationId: id,
        found: 7,
        remedy: expect.stringContaining('version'),
      });
    });

    test.each([
      ['of another version', `JSON_SET(journal, '$.version', 7)`],
      ['without a version', `'{}'`],
      ['that is no JSON', `'{"version": 1,'`],
      ['of this version in another form', `JSON_REMOVE(journal, '$.context.policy')`],
    ])('%s keeps nobody from the list', async (_, spoilt) => {
      const { store, sql } = await server().newStore();
      for (const orgId of [1, 2, 3]) await create(store, orgId);
      await sql(`UPDATE migrations SET journal = ${spoilt} WHERE id = 'm-2'`);
      const rows = await store.list({ limit: 10 });
      expect(rows.map(({ id, journal }) => [id, journal === null])).toEqual([
        ['m-1', false],
        ['m-2', true],
        ['m-3', false],
      ]);
      expect(rows[1]).toMatchObject({ orgId: 2, state: 'planned', refusal: { code: 'JOURNAL_VERSION_UNKNOWN' } });
      expect(await rejection(store.get('m-2'))).toMatchObject({ code: 'JOURNAL_VERSION_UNKNOWN' });
    });
  });

  describe('the timeline', () => {
    test('has no gap and no double, with steps and notes of several at once', async () => {
      const { store, another } = await server().newStore();
      const id = await create(store, 42);
      await take(store, 'a');
      const other = another();
      const notes = Array.from({ length: 20 }, (_, n) =>
        (n % 2 === 0 ? store : other).note(id, [event(`n${n}`), event('b')]),
      );
      const steps = (async () => {
        for (let n = 0; n < 10; n++) await step(store, id, { messages: [`s${n}`] });
      })();
      await Promise.all([...notes, steps]);
      const events = await store.events(id, 0, 1_000);
      expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 1 + 40 + 10 }, (_, n) => n + 1));
      const kept = events.map(({ message }) => message).filter((message) => message.startsWith('s'));
      expect(kept).toEqual(Array.from({ length: 10 }, (_, n) => `s${n}`));
    });

    test('is read from where one left off', async () => {
      const { store } = await server().newStore();
      const id = await create(store, 42);
      await store.note(id, ['a', 'b', 'c', 'd'].map(event));
      expect((await store.events(id, 2, 2)).map(({ seq, message }) => [seq, message])).toEqual([
        [3, 'b'],
        [4, 'c'],
      ]);
      expect(await store.events(id, 5, 2)).toEqual([]);
      expect((await store.events(id, 4, 9))[0]).toEqual({
        seq: 5,
        at: '2026-01-01T00:00:00.000Z',
        type: 'note',
        state: 'planned',
        attempt: null,
        message: 'd',
        data: { message: 'd' },
      });
    });
  });

  describe('lists and records', () => {
    test('a list is filtered, ordered by id, and goes on behind a cursor', async () => {
      const { store } = await server().newStore();
      for (const [org, region] of [
        [4, 'eu-west-2'],
        [42, 'us-east-1'],
        [420, 'eu-west-2'],
        [7, 'eu-west-2'],
      ] as const) {
        await create(store, org, `m-${String(org).padStart(3, '0')}`, region);
      }
      await take(store, 'a');
      await step(store, 'm-007', { state: 'replicating.fullLoad' });
      await step(store, 'm-042', { state: 'replicating.cdc' });
      const ids = async (query: Parameters<Store['list']>[0]) => (await store.list(query)).map(({ id }) => id);
      expect(await ids({ limit: 3 })).toEqual(['m-004', 'm-007', 'm-042']);
      expect(await ids({ limit: 3, after: 'm-042' })).toEqual(['m-420']);
      expect(await ids({ limit: 9, state: 'replicating' })).toEqual(['m-007', 'm-042']);
      expect(await ids({ limit: 9, state: 'replicating.cdc' })).toEqual(['m-042']);
      expect(await ids({ limit: 9, state: 'replicat' })).toEqual([]);
      expect(await ids({ limit: 9, homeRegion: 'eu-west-2', state: 'planned' })).toEqual(['m-004', 'm-420']);
      expect(await ids({ limit: 9, orgId: 42 })).toEqual(['m-042']);
      expect(await ids({ limit: 9, homeRegion: 'mars' })).toEqual([]);
    });

    test('a record is replaced as a whole, and is null before', async () => {
      const { store } = await server().newStore();
      const id = await create(store, 42);
      expect(await store.getRecord(id, 'findings')).toBeNull();
      await store.putRecord(id, 'findings', [{ code: 'A', text: '𝄞 ü' }]);
      await store.putRecord(id, 'findings', [{ code: 'B' }]);
      await store.putRecord(id, 'snapshot', null);
      expect(await store.getRecord(id, 'findings')).toEqual([{ code: 'B' }]);
      expect(await store.getRecord(id, 'snapshot')).toBeNull();
    });
  });
}
