import { describe, expect, it } from 'vitest';
import { policyDefaults } from '../../src/config/index.ts';
import type { EffectRun } from '../../src/driver/handlers.ts';
import type { Estate } from '../../src/estate/estate.ts';
import type { RecordName, Store } from '../../src/ports/store.ts';
import { type Note, Notes, noteSchema, unfinished } from '../../src/proof/notes.ts';
import type { Checkpoint } from '../../src/verification/index.ts';
import type { MigrationContext } from '../../statecharts/context.ts';
import { FakeClock } from '../soaking/fakeClock.ts';

const migration = {
  migrationId: 'm-1',
  orgId: 42,
  generation: 3,
  serving: 'source',
  policy: policyDefaults,
} as MigrationContext;

const progress = { table: 'Calls', rows: 5_000, rowsExpected: null, mismatches: 0, elapsedMs: 1, etaMs: null };

function checkpointAt(key: string): Checkpoint {
  const current = { table: 'Calls', rows: 5_000, targetRows: 5_000, mismatches: 0, exact: true, after: [key] };
  return { version: 1, orgId: 42, done: [], current, sample: [] };
}

/** Records in memory; each write waits until it is let through, where `slow` says so. */
function world() {
  const clock = new FakeClock();
  const records = new Map<RecordName, unknown>();
  const written: (Note | null)[] = [];
  const waiting: (() => void)[] = [];
  const store = {
    slow: false,
    async putRecord(_id: string, name: RecordName, value: unknown) {
      if (this.slow) await new Promise<void>((resolve) => waiting.push(resolve));
      records.set(name, value);
      if (name === 'comparison') written.push(noteSchema.nullable().parse(value));
    },
    getRecord: async (_id: string, name: RecordName) => records.get(name) ?? null,
  };
  const estate = { clock, store: store as unknown as Store } as unknown as Estate;
  const run: Pick<EffectRun, 'migration' | 'epoch'> = { migration, epoch: 1 };
  return { clock, store, estate, written, waiting, notes: new Notes(estate, run, 'live') };
}

describe('the note of a comparison', () => {
  it('has the checkpoint of the chunk whose progress was told just before, and of no other within a second', async () => {
    const { clock, notes, written } = world();
    notes.progress(progress);
    await notes.passed(checkpointAt('10'), []);
    expect(written.at(-1)?.checkpoint?.current?.after).toEqual(['10']);
    await notes.passed(checkpointAt('20'), []);
    expect(written.at(-1)?.checkpoint?.current?.after).toEqual(['10']);
    await clock.advance(1_000);
    notes.progress(progress);
    await notes.passed(checkpointAt('30'), []);
    expect(written.at(-1)?.checkpoint?.current?.after).toEqual(['30']);
  });

  it('is gone with its comparison, also where an earlier write takes long', async () => {
    const { notes, store, written, waiting } = world();
    store.slow = true;
    notes.progress(progress);
    const ended = notes.ended();
    while (written.length < 2) {
      await Promise.resolve();
      waiting.shift()?.();
    }
    await ended;
    expect(written.map((note) => note?.progress?.rows ?? null)).toEqual([5_000, null]);
  });
});

describe('a comparison that was cut off', () => {
  const cutOff = async (at: Partial<Note> = {}) => {
    const { clock, estate, notes, store } = world();
    await notes.passed(checkpointAt('10'), []);
    await store.putRecord('m-1', 'comparison', { ...notes.note, ...at });
    await clock.advance(1_000);
    const request = (atMs: number) =>
      store.putRecord('m-1', 'verifyRequest', { at: new Date(atMs).toISOString(), by: 'lab', repair: false });
    return { clock, request, goesOn: async () => (await unfinished(estate, migration, null)) !== null };
  };

  it('is gone on with, also where it was asked for', async () => {
    const { clock, request, goesOn } = await cutOff();
    expect(await goesOn()).toBe(true);
    await request(clock.nowMs() - 2_000);
    expect(await goesOn()).toBe(true);
  });

  it('begins anew where somebody asked since for the rows as they are now', async () => {
    const { clock, request, goesOn } = await cutOff();
    await request(clock.nowMs());
    expect(await goesOn()).toBe(false);
  });

  it.each<[string, Partial<Note>]>([
    ['of pinned views, which ended with their owner', { kind: 'cutover-point' }],
    ['of a task that was made anew', { generation: 2 }],
    ['from before the other side served', { serving: 'cluster' }],
    ['of another pair of sides', { otherSite: 'lon2' }],
    ['that came to no checkpoint', { checkpoint: null }],
    ['that is as old as no result may be', { startedAt: '2020-01-01T00:00:00.000Z' }],
  ])('begins anew where it is one %s', async (_what, at) => {
    expect(await (await cutOff(at)).goesOn()).toBe(false);
  });
});
