import { describe, expect, it } from 'vitest';
import { policyDefaults } from '../../src/config/index.ts';
import {
  PlaceError,
  ReplicationRefusedError,
  ReplicationUnavailableError,
  TaskFailedError,
} from '../../src/errors/index.ts';
import { holdsEverything } from '../../src/estate/columnRoom.ts';
import { shapeChanges, shapeDifferences } from '../../src/estate/shapes.ts';
import type { TableShape } from '../../src/ports/place.ts';
import { Breach } from '../../src/soaking/breach.ts';
import { clusterHealth, clusterHealthGuard } from '../../src/soaking/clusterHealth.ts';
import { errorsBetween, perMinute } from '../../src/soaking/errorCounts.ts';
import { errorLimit, errorRateGuard } from '../../src/soaking/errorRate.ts';
import { type Look, watchGuard } from '../../src/soaking/guard.ts';
import { reverseLagGuard } from '../../src/soaking/reverseLag.ts';
import { reverseTaskGuard } from '../../src/soaking/reverseTask.ts';
import { SharedReading } from '../../src/soaking/shared.ts';
import { turnsOf } from '../../src/soaking/turns.ts';
import type { MigrationContext } from '../../statecharts/context.ts';
import { FakeClock } from './fakeClock.ts';

const migration = { migrationId: 'm-1', orgId: 42, policy: policyDefaults } as MigrationContext;
const sample = (value: number) => ({ at: 'then', value });

describe('a breach', () => {
  it('lasts from its first sample to its last', () => {
    const breach = new Breach(10_000);
    expect([0, 400, 999, 1_000].map((atMs) => breach.take(true, sample(atMs), atMs, 1_000))).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(breach.samples.map(({ value }) => value)).toEqual([0, 400, 999, 1_000]);
  });

  it('begins anew after one sample of health', () => {
    const breach = new Breach(10_000);
    breach.take(true, sample(1), 0, 1_000);
    breach.take(false, sample(2), 900, 1_000);
    expect(breach.samples).toEqual([]);
    expect(breach.take(true, sample(3), 1_000, 1_000)).toBe(false);
    expect(breach.take(true, sample(4), 1_999, 1_000)).toBe(false);
    expect(breach.take(true, sample(5), 2_000, 1_000)).toBe(true);
  });

  it('does not count the time in which nothing was seen beyond the longest gap', () => {
    const breach = new Breach(1_000);
    breach.take(true, sample(1), 0, 2_000);
    expect(breach.take(true, sample(2), 3_600_000, 2_000)).toBe(false);
    expect(breach.take(true, sample(3), 3_601_000, 2_000)).toBe(true);
  });

  it('of no length trips at once, and keeps the latest samples only', () => {
    const breach = new Breach(1_000);
    expect(breach.take(true, sample(0), 0, 0)).toBe(true);
    for (let n = 1; n <= 50; n++) breach.take(true, sample(n), n, 0);
    expect(breach.samples.map(({ value }) => value)).toEqual(Array.from({ length: 20 }, (_, n) => n + 31));
  });
});

/** Runs a guard over one look a second, and says what came of it. */
async function watched(looks: readonly (Look | null)[], action: 'rollback' | 'alert') {
  const clock = new FakeClock();
  const ending = new AbortController();
  const notes: { message: string; data: Record<string, unknown> | undefined }[] = [];
  const logged: unknown[] = [];
  const left = [...looks];
  const guard = {
    code: 'REVERSE_LAG',
    action,
    forMs: 2_000,
    everyMs: 1_000,
    look: async () => left.shift() ?? null,
    says: (value: Look['value']) => `it was ${value}`,
  } as const;
  const logger = { error: (...line: unknown[]) => logged.push(line) } as never;
  const run = {
    migration,
    epoch: 1,
    note: (message: string, data?: Record<string, unknown>) => void notes.push({ message, data }),
  };
  const outcome = watchGuard(guard, { clock, logger }, run, ending.signal).then(
    () => null,
    (error: unknown) => error,
  );
  await clock.advance(looks.length * 1_000);
  ending.abort(new Error('the test is over'));
  return { outcome: await outcome, notes, logged };
}
const bad: Look = { breach: true, value: 9 };
const good: Look = { breach: false, value: 1 };

describe('a guard', () => {
  it('takes the org back with the samples that decided', async () => {
    const { outcome } = await watched([good, bad, bad, bad], 'rollback');
    expect(outcome).toMatchObject({
      code: 'REVERSE_LAG',
      message: 'it was 9',
      details: { samples: [{ value: 9 }, { value: 9 }, { value: 9 }] },
    });
  });

  it('takes a missing sample for neither breach nor health', async () => {
    expect((await watched([bad, null, bad], 'rollback')).outcome).toMatchObject({ code: 'REVERSE_LAG' });
    expect((await watched([bad, null, null, null], 'rollback')).outcome).toEqual(new Error('the test is over'));
    expect((await watched([null, null, null, null], 'rollback')).outcome).toEqual(new Error('the test is over'));
  });

  it('that has had no sample for a minute says so once, and again after it saw something', async () => {
    const nothing = Array.from({ length: 62 }, () => null);
    const { outcome, notes } = await watched([...nothing, ...nothing, good, ...nothing], 'rollback');
    expect(outcome).toEqual(new Error('the test is over'));
    expect(notes.map(({ data }) => data)).toEqual([{ guard: 'REVERSE_LAG' }, { guard: 'REVERSE_LAG' }]);
  });

  it('that alerts does so once a breach, and goes on watching', async () => {
    const { outcome, notes, logged } = await watched([bad, bad, bad, bad, good, bad, bad, bad], 'alert');
    expect(outcome).toEqual(new Error('the test is over'));
    expect(notes.map(({ message }) => message)).toEqual(['alert: it was 9', 'alert: it was 9']);
    expect(notes[0]?.data).toMatchObject({ code: 'REVERSE_LAG', samples: [{ value: 9 }, { value: 9 }, { value: 9 }] });
    expect(logged).toHaveLength(2);
  });
});

describe('the guard of the reverse lag', () => {
  it('takes each observation once, and an old one for a missing one', async () => {
    const clock = new FakeClock();
    let last: { lagMs: number; origin: string; atMs: number } | null = null;
    const guard = reverseLagGuard(migration, { lag: () => last }, clock);
    expect(await guard.look()).toBeNull();
    last = { lagMs: 30_001, origin: 'aurora', atMs: 0 };
    expect(await guard.look()).toEqual({ breach: true, value: 30_001 });
    expect(await guard.look()).toBeNull();
    await clock.advance(5_000);
    last = { lagMs: 100, origin: 'aurora', atMs: 1_000 };
    expect(await guard.look()).toBeNull();
    last = { lagMs: 100, origin: 'aurora', atMs: 4_900 };
    expect(await guard.look()).toEqual({ breach: false, value: 100 });
  });
});

describe('the guard of the reverse task', () => {
  it('knows a failed task from a service that does not answer', async () => {
    const look = (error: unknown) => reverseTaskGuard(migration, () => Promise.reject(error)).look();
    expect(await look(new TaskFailedError('t', 'tables in error: CallLogs'))).toMatchObject({ breach: true });
    expect(await look(new ReplicationUnavailableError('throttled'))).toBeNull();
    expect(await look(new ReplicationRefusedError('no such thing'))).toBeNull();
    await expect(look(new TypeError('a defect'))).rejects.toThrow('a defect');
    expect(await reverseTaskGuard(migration, async () => 'well').look()).toMatchObject({ breach: false });
    expect(await reverseTaskGuard(migration, async () => 'resuming').look()).toBeNull();
  });
});

describe('the guard of the cluster', () => {
  const lookAt = async (ping: (clock: FakeClock) => Promise<void>, readOnly = false) => {
    const clock = new FakeClock();
    const cluster = { name: 'aurora', ping: () => ping(clock), isReadOnly: async () => readOnly };
    return clusterHealthGuard(migration, cluster, clusterHealth(cluster, clock)).look();
  };

  it('takes no answer, a slow one and a refusal of writes for a breach', async () => {
    expect(await lookAt(async () => {})).toEqual({ breach: false, value: 'a ping takes 0 ms' });
    expect(await lookAt((clock) => clock.advance(1_000))).toMatchObject({ breach: false });
    expect(await lookAt((clock) => clock.advance(1_001))).toMatchObject({ breach: true });
    expect(await lookAt(async () => {}, true)).toEqual({ breach: true, value: 'read-only' });
    const refused = new PlaceError('aurora', 'asking for an answer', new Error('connect ECONNREFUSED'));
    expect(await lookAt(() => Promise.reject(refused))).toEqual({ breach: true, value: refused.message });
  });
});

describe('the error rate', () => {
  it('counts over the proxies that answered both times; a count that fell was begun anew', () => {
    expect(errorsBetween({ one: 5, two: 7 }, { one: 9, two: 7 })).toBe(4);
    expect(errorsBetween({ one: 5, two: 7 }, { one: 9 })).toBe(4);
    expect(errorsBetween({ one: 100 }, { one: 3 })).toBe(3);
    expect(errorsBetween({ one: 5 }, { two: 9 })).toBeNull();
    expect(errorsBetween({}, {})).toBeNull();
    expect(perMinute(4, 2_000)).toBe(120);
    expect(perMinute(4, 0)).toBe(0);
  });

  it('may be a multiple of the baseline, and never has to be under the floor', () => {
    const policy = { errorRateFactor: 3, errorRateFloorPerMinute: 60 };
    expect([null, 0, 10, 50].map((baseline) => errorLimit(baseline, policy))).toEqual([60, 60, 60, 150]);
  });

  it('needs two readings for a sample', async () => {
    let errors = 1_000;
    let atMs = 0;
    const fleet = { get: async () => ({ atMs, byProxy: new Map([['one', () => errors]]) }) };
    const guard = errorRateGuard(migration, 40, fleet, true);
    expect(await guard.look()).toBeNull();
    expect(await guard.look()).toBeNull();
    [atMs, errors] = [2_000, 1_004];
    expect(await guard.look()).toEqual({ breach: false, value: 120 });
    [atMs, errors] = [4_000, 1_009];
    expect(await guard.look()).toEqual({ breach: true, value: 150 });
  });

  it('has no sample where no proxy answers', async () => {
    let atMs = 0;
    const guard = errorRateGuard(migration, null, { get: async () => ({ atMs, byProxy: new Map() }) }, true);
    await guard.look();
    atMs = 2_000;
    expect(await guard.look()).toBeNull();
  });

  it('is said to be the cluster’s where proxies cannot tell orgs apart', () => {
    const guard = errorRateGuard(migration, 40, { get: async () => ({ atMs: 0, byProxy: new Map() }) }, false);
    expect(guard.code).toBe('CLUSTER_ERROR_RATE_HIGH');
    expect(guard.says(500)).toContain('the clients of all its orgs meet 500 errors a minute');
  });
});

describe('a shared reading', () => {
  it('is one for all who ask at once, and for a while after; a failure is not kept', async () => {
    const clock = new FakeClock();
    let read = 0;
    const reading = new SharedReading(clock, 1_000, async () => {
      if (++read === 2) throw new Error('no answer');
      return read;
    });
    expect(await Promise.all([reading.get(), reading.get()])).toEqual([1, 1]);
    await clock.advance(999);
    expect(await reading.get()).toBe(1);
    await clock.advance(1);
    await expect(reading.get()).rejects.toThrow('no answer');
    expect(await reading.get()).toBe(3);
  });
});

describe('the turns of orgs that go back together', () => {
  const org = (id: string, sinceMs: number, state = 'rollingBack.catchUp', byPerson = false, tries = 0) => ({
    id,
    sinceMs,
    state,
    byPerson,
    tries,
  });
  const turns = (orgs: Parameters<typeof turnsOf>[0], atOnce: number) => [...turnsOf(orgs, atOnce)].sort();

  it('go in the order in which they came', () => {
    const orgs = [org('c', 3), org('a', 1), org('b', 1), org('d', 4)];
    expect(turns(orgs, 2)).toEqual(['a', 'b']);
    expect(turns(orgs, 5)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('are taken by those already at it, whenever they came', () => {
    expect(turns([org('a', 1), org('z', 9, 'rollingBack.undecided')], 1)).toEqual(['z']);
    expect(turns([org('a', 1), org('z', 9, undefined, false, 1)], 1)).toEqual(['z']);
    expect(turns([org('a', 1), org('b', 2), org('z', 9, 'rollingBack.undecided')], 2)).toEqual(['a', 'z']);
  });

  it('are not waited for by an org that a person sends back, which takes one all the same', () => {
    expect(turns([org('a', 1), org('p', 9, 'rollingBack.catchUp', true)], 1)).toEqual(['p']);
    expect(turns([org('p', 1, undefined, true), org('q', 2, undefined, true)], 1)).toEqual(['p', 'q']);
  });
});

describe('a change of schema', () => {
  const column = (name: string, type = 'int(11)') => ({
    name,
    type,
    nullable: false,
    characterSet: null,
    collation: null,
    generated: false,
  });
  const shape = (columns: readonly ReturnType<typeof column>[], exists = true): TableShape => ({
    table: 'CallLogs',
    exists,
    primaryKey: ['ID'],
    columns,
  });

  it('names place, table and column', () => {
    const before = [shape([column('ID'), column('Callee'), column('Duration')])];
    const now = [shape([column('ID'), column('Duration', 'bigint(20)'), column('Codec')])];
    expect(shapeChanges('lon1', before, now)).toEqual([
      'lon1: CallLogs.Duration is bigint(20) not null, it was int(11) not null',
      'lon1: CallLogs.Codec was added',
      'lon1: CallLogs.Callee was dropped',
    ]);
    expect(shapeChanges('lon1', before, before)).toEqual([]);
    expect(shapeChanges('lon1', before, [shape([], false)])).toEqual(['lon1: CallLogs was dropped']);
    expect(shapeChanges('lon1', [], now)).toEqual([]);
  });

  it('is told apart by what going back over it would lose', () => {
    const at = (...columns: ReturnType<typeof column>[]) => [shape([column('ID'), ...columns])];
    const kept = (site: readonly TableShape[], cluster: readonly TableShape[]) =>
      shapeDifferences({ place: 'lon1', shapes: site }, { place: 'aurora', shapes: cluster }).map(
        ({ column, keptOnReturn }) => [column, keptOnReturn],
      );
    const none = at();
    expect(kept(at(column('New')), at(column('New')))).toEqual([]);
    expect(kept(at(column('New')), none)).toEqual([['New', true]]);
    expect(kept(none, at(column('New')))).toEqual([['New', false]]);
    expect(kept([shape([], false)], none)).toEqual([[null, false]]);
    expect(kept(none, [shape([], false)])).toEqual([[null, false]]);
    expect(kept(at(column('A', 'varchar(90)')), at(column('A', 'varchar(80)')))).toEqual([['A', true]]);
    expect(kept(at(column('A', 'varchar(80)')), at(column('A', 'varchar(90)')))).toEqual([['A', false]]);
    const nullable = { ...column('A'), nullable: true };
    expect(kept(at(nullable), at(column('A')))).toEqual([['A', true]]);
    expect(kept(at(column('A')), at(nullable))).toEqual([['A', false]]);
  });

  it.each([
    ['bigint', 'int', true],
    ['int', 'bigint', false],
    ['bigint', 'int unsigned', false],
    ['longtext', 'text', true],
    ['text', 'longtext', false],
    ['varchar(10)', 'char(10)', false],
    ['datetime(6)', 'datetime', true],
    ['datetime', 'datetime(6)', false],
    ["enum('a','b','c')", "enum('a','b')", true],
    ["enum('b','a','c')", "enum('a','b')", false],
    ['decimal(12,2)', 'decimal(10,2)', false],
    ['json', 'blob', false],
  ])('%s holds all of %s: %s', (wide, narrow, holds) => {
    expect(holdsEverything(wide, narrow)).toBe(holds);
  });
});
