import { describe, expect, test } from 'vitest';
import type { WaveDocument, WaveLease } from '../../../src/ports/waves.ts';
import { settingsSchema } from '../../../src/waves/settings.ts';
import { type AnyStore, create, plannedJournal, rejection, type StoreServer, step, take } from '../world.ts';

const alice = { name: 'alice', role: 'operator', from: '::1' } as const;
const document: WaveDocument = {
  settings: settingsSchema.parse({}),
  approval: 'auto',
  approvedBy: 'another',
  creator: alice,
  starter: alice,
  approver: null,
  ender: null,
  reason: null,
  seen: {},
  history: [],
};
const org = (orgId: number) => ({ orgId, homeRegion: 'eu-west-2', rows: orgId, canary: orgId === 1 });
const make = (store: AnyStore, id: string, ...orgIds: number[]) =>
  store.createWave({ id, name: id, createdAtMs: 1, document }, orgIds.map(org));
const leaseMs = 60_000;

async function leaseOf(store: AnyStore, instance: string): Promise<WaveLease> {
  const lease = await store.keepWaves(instance, leaseMs);
  if (lease === null) throw new Error(`${instance} has no lease`);
  return lease;
}

async function run(store: AnyStore, id: string): Promise<void> {
  const row = await store.getWave(id);
  if (row === null) throw new Error(`there is no wave ${id}`);
  const done = await store.changeWave(row, { state: 'running', sinceMs: 2, ended: false, document });
  if (!done) throw new Error('it was changed meanwhile');
}

export function waveSuite(server: () => StoreServer): void {
  describe('waves', () => {
    test('are kept with their orgs in order, or not at all', async () => {
      const { store } = await server().newStore();
      await make(store, 'w-1', 3, 1, 2);
      expect(await store.getWave('w-1')).toMatchObject({ state: 'planned', orgs: 3, revision: 1, document });
      expect((await store.waveOrgs('w-1')).map(({ orgId, position }) => [orgId, position])).toEqual([
        [3, 1],
        [1, 2],
        [2, 3],
      ]);
      const error = await rejection(make(store, 'w-2', 4, 2, 3));
      expect(error).toMatchObject({ code: 'WAVE_OVERLAPS', details: { total: 2 } });
      expect(await store.getWave('w-2')).toBeNull();
      expect([...(await store.orgsInWaves()).keys()].toSorted()).toEqual([1, 2, 3]);
      await make(store, 'w-3', 4);
      expect((await store.listWaves({ limit: 1 })).map(({ id }) => id)).toEqual(['w-1']);
      expect((await store.listWaves({ after: 'w-1', limit: 5 })).map(({ id }) => id)).toEqual(['w-3']);
    });

    test('change on the revision that was read, and let their orgs go when they end', async () => {
      const { store } = await server().newStore();
      await make(store, 'w-1', 1);
      const change = { state: 'cancelled', sinceMs: 2, ended: true, document } as const;
      expect(await store.changeWave({ id: 'w-1', revision: 7 }, change)).toBe(false);
      expect(await store.changeWave({ id: 'w-1', revision: 1 }, change)).toBe(true);
      expect(await store.changeWave({ id: 'w-1', revision: 1 }, change)).toBe(false);
      expect(await store.listWaves({ ended: false, limit: 5 })).toEqual([]);
      await make(store, 'w-2', 1);
    });

    test('are driven by one controller, and what a former one wants is not written', async () => {
      const { store, another, sql } = await server().newStore();
      const other = another();
      await make(store, 'w-1', 1, 2);
      await run(store, 'w-1');
      const first = await leaseOf(store, 'a');
      expect(await leaseOf(store, 'a')).toEqual(first);
      expect(await other.keepWaves('b', leaseMs)).toBeNull();
      expect(await store.askToStart(first, 'w-1', 1)).toBe(true);
      expect(await store.askToStart(first, 'w-1', 1)).toBe(false);
      await sql('UPDATE wave_driver SET seen_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR');
      const second = await leaseOf(other, 'b');
      expect(second.epoch).toBe(first.epoch + 1);
      expect(await store.keepWaves('a', leaseMs)).toBeNull();
      expect(await store.askToStart(first, 'w-1', 2)).toBe(false);
      expect(await store.letGo(first, 'w-1', 1, 0)).toBe(false);
      expect(await other.letGo(second, 'w-1', 1, 0)).toBe(true);
      expect(await other.waveOrgs('w-1')).toMatchObject([
        { askedToStart: true, attemptsWhenLetGo: 0 },
        { askedToStart: false, attemptsWhenLetGo: null },
      ]);
      expect(await other.withdraw(second, 'w-1', 1)).toBe(true);
      const refusal = { code: 'A', message: 'b', remedy: 'c', details: {} };
      expect(await other.refuseOrg(second, 'w-1', 2, refusal)).toBe(true);
      expect(await other.waveOrgs('w-1')).toMatchObject([{ attemptsWhenLetGo: null }, { refusal }]);
      await other.letWavesGo('b');
      expect((await leaseOf(store, 'a')).epoch).toBe(second.epoch + 1);
    });

    test('nothing is begun in one that does not run', async () => {
      const { store } = await server().newStore();
      await make(store, 'w-1', 1);
      const lease = await leaseOf(store, 'a');
      expect(await store.askToStart(lease, 'w-1', 1)).toBe(false);
      expect(await store.letGo(lease, 'w-1', 1, 0)).toBe(false);
    });

    test('a move is made for a wave only while that has the org and asked for it', async () => {
      const { store } = await server().newStore();
      await make(store, 'w-1', 1);
      const made = () =>
        store.create({
          id: 'm-1',
          orgId: 1,
          homeRegion: 'eu-west-2',
          waveId: 'w-1',
          state: 'planned',
          atMs: 5,
          journal: plannedJournal(1, 'm-1'),
          timeline: [],
        });
      expect(await rejection(made())).toMatchObject({ code: 'COMMAND_NOT_ALLOWED' });
      expect(await store.newestOf(1)).toBeNull();
      await run(store, 'w-1');
      await store.askToStart(await leaseOf(store, 'a'), 'w-1', 1);
      await made();
      expect(await store.get('m-1')).toMatchObject({ waveId: 'w-1' });
      await create(store, 2);
      expect((await store.list({ wave: 'w-1', limit: 5 })).map(({ id }) => id)).toEqual(['m-1']);
      expect((await store.versions({ wave: 'w-1', limit: 5 })).map(({ id }) => id)).toEqual(['m-1']);
    });

    test('their moves tell what became of them', async () => {
      const { store } = await server().newStore();
      await make(store, 'w-1', 1);
      await run(store, 'w-1');
      await store.askToStart(await leaseOf(store, 'a'), 'w-1', 1);
      const journal = plannedJournal(1, 'm-1');
      const context = { ...journal.context, approved: true };
      await store.create({
        ...{ id: 'm-1', orgId: 1, homeRegion: 'eu-west-2', waveId: 'w-1', state: 'planned', atMs: 5, timeline: [] },
        journal: { ...journal, context },
      });
      await take(store, 'owner');
      const { epoch } = (await store.get('m-1')) ?? { epoch: 0 };
      for (const [attempt, decision, writePauseMs] of [
        [1, 'abort', 900],
        [2, 'commit', 300],
      ] as const) {
        const own = { migrationId: 'm-1', attempt, epoch };
        // It counts from when it is prepared, also where it never gets as far as the store.
        const prepared = { ...journal, context: { ...context, attempt } };
        await step(store, 'm-1', { state: 'planned', journal: prepared });
        expect(await store.waveMoves('w-1')).toMatchObject([{ attempts: attempt, aborts: attempt - 1, decided: null }]);
        await store.beginAttempt({ ...own, direction: 'forward', hostgroups: { from: 1, to: 99 }, atMs: attempt });
        expect(await store.waveMoves('w-1')).toMatchObject([{ attempts: attempt, aborts: attempt - 1 }]);
        await store.decide({ ...own, decision, pinned: null });
        const report = { phases: [], writePauseMs, readPauseMs: null, endedAtMs: 9, reason: null };
        await store.reportAttempt('m-1', attempt, report);
      }
      expect(await store.waveMoves('w-1')).toEqual([
        {
          orgId: 1,
          migrationId: 'm-1',
          state: 'planned',
          sinceMs: Date.UTC(2026, 0, 2),
          createdAtMs: 5,
          ended: false,
          side: 'source',
          approved: true,
          reason: null,
          decided: null,
          attempts: 2,
          aborts: 1,
          longestPauseMs: 900,
          firstAttemptMs: 1,
        },
      ]);
      for (const [changes, decided] of [
        [{ returnRequested: 'rolledBack' }, 'back'],
        [{ returnRequested: null, stays: true }, 'stays'],
      ] as const) {
        await step(store, 'm-1', { journal: { ...journal, context: { ...context, ...changes } } });
        expect(await store.waveMoves('w-1')).toMatchObject([{ decided }]);
      }
      await step(store, 'm-1', { state: 'completed', ended: true });
      expect(await store.orgsMoving()).toEqual(new Map([[1, { migrationId: 'm-1', completed: true }]]));
    });
  });
}
