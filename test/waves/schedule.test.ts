import { describe, expect, test } from 'vitest';
import { type Decision, decide, type Situation, type WaveView } from '../../src/waves/schedule.ts';
import { at, nowMs, situationOf, waiting, waveOf } from './views.ts';

const wide = { source: 1_000, instance: 1_000, cluster: 1_000, flips: 1_000 };
const none: Decision = { id: '', orders: [], waits: [], next: null };

/** What is decided for the first wave. */
function decideOne(waves: WaveView | readonly WaveView[], changes: Partial<Situation> = {}): Decision {
  return decide(situationOf([waves].flat(), changes))[0] ?? none;
}
const starts = ({ orders }: Decision) => orders.filter(({ kind }) => kind === 'start').map(({ orgId }) => orgId);
const flips = ({ orders }: Decision) => orders.filter(({ kind }) => kind === 'letGo').map(({ orgId }) => orgId);
const whys = ({ waits }: Decision) => waits.map(({ code, message }) => `${code}: ${message}`);

describe('limits', () => {
  test('orgs start in their order, as many as fit', () => {
    const wave = waveOf([waiting(1), waiting(2), waiting(3)]);
    const decision = decideOne(wave, { limits: { ...wide, source: 2 } });
    expect(starts(decision)).toEqual([1, 2]);
    expect(whys(decision)).toEqual(['limit: the limit of source: 2 of 2 orgs that the source is read for']);
  });

  test('what others have under way counts, whoever began it', () => {
    const moves = [
      { state: 'replicating.fullLoad', homeRegion: 'us-east-1', moves: 2 },
      { state: 'needsOperator', homeRegion: 'eu-west-2', moves: 1 },
      { state: 'soaking', homeRegion: 'eu-west-2', moves: 9 },
      { state: 'planned', homeRegion: 'eu-west-2', moves: 9 },
    ];
    const wave = waveOf([waiting(1), waiting(2)]);
    expect(starts(decideOne(wave, { moves, limits: { ...wide, source: 4 } }))).toEqual([1]);
    expect(starts(decideOne(wave, { moves, limits: { ...wide, cluster: 2 } }))).toEqual([1]);
    expect(starts(decideOne(wave, { moves, limits: { ...wide, instance: 11 } }))).toEqual([1]);
    // Regions that share a replication instance count together.
    expect(starts(decideOne(wave, { moves, instanceOf: () => 'both', limits: { ...wide, instance: 13 } }))).toEqual([
      1,
    ]);
  });

  test('a full cluster keeps no org of another one waiting', () => {
    const wave = waveOf([waiting(1), waiting(2), waiting(3, { homeRegion: 'us-east-1' })]);
    expect(starts(decideOne(wave, { limits: { ...wide, cluster: 1 } }))).toEqual([1, 3]);
    expect(starts(decideOne(wave, { limits: { ...wide, instance: 1 } }))).toEqual([1, 3]);
  });

  test('what was asked for and does not show yet takes its place, after a take-over too', () => {
    const wave = waveOf([waiting(1, { askedToStart: true }), waiting(2), waiting(3)]);
    const decision = decideOne(wave, { limits: { ...wide, source: 2 } });
    expect(decision.orders).toEqual([
      { kind: 'start', orgId: 1, again: true },
      { kind: 'start', orgId: 2, again: false },
    ]);
  });

  test('flips at once hold across waves, and beside flips that nobody’s wave began', () => {
    const first = waveOf([at(1, 'ready'), at(2, 'ready')]);
    const second = waveOf([at(3, 'ready'), at(4, 'ready')], { id: 'w-2' });
    const both = (limit: number, more: Situation['moves'] = []) => {
      const situation = situationOf([first, second], { limits: { ...wide, flips: limit } });
      return decide({ ...situation, moves: [...situation.moves, ...more] }).map(flips);
    };
    expect(both(1)).toEqual([[1], []]);
    expect(both(3)).toEqual([[1, 2], [3]]);
    expect(both(3, [{ state: 'flipping.backoff', homeRegion: 'us-east-1', moves: 2 }])).toEqual([[1], []]);
  });

  test('one that was let go counts as a flip until its attempt shows, and while it may go by itself', () => {
    const letGo = { attemptsWhenLetGo: 0 };
    const limits = { ...wide, flips: 1 };
    const other = waveOf([at(9, 'ready')], { id: 'w-2' });
    for (const org of [
      at(1, 'ready', {}, letGo),
      at(1, 'ready', { approved: true }, letGo),
      at(1, 'lagCheck', { approved: true, attempts: 1 }, letGo),
      at(1, 'drifted', { approved: true, attempts: 1 }, letGo),
      at(1, 'flipping.hold', { approved: true, attempts: 1 }, letGo),
    ]) {
      expect(decide(situationOf([waveOf([org]), other], { limits })).map(flips)[1]).toEqual([]);
    }
    // Its tries are spent, or it is over there: the next one may.
    for (const org of [at(1, 'ready', { attempts: 1 }, letGo), at(1, 'soaking', { attempts: 1 }, letGo)]) {
      expect(decide(situationOf([waveOf([org]), other], { limits })).map(flips)[1]).toEqual([9]);
    }
  });

  test('a wave’s own limits count its own orgs', () => {
    const orgs = [at(1, 'replicating.cdc'), waiting(2), waiting(3)];
    const others = [{ state: 'replicating.cdc', homeRegion: 'eu-west-2', moves: 7 }];
    const decision = decideOne(waveOf(orgs, { settings: { limits: { source: 2 } } }), { moves: others });
    expect(starts(decision)).toEqual([2]);
    const ready = [at(1, 'ready'), at(2, 'ready')];
    expect(flips(decideOne(waveOf(ready, { settings: { limits: { flips: 1 } } })))).toEqual([1]);
  });
});

describe('approval', () => {
  test('a wave that needs an approver lets nobody go before it has one; loading goes on', () => {
    const orgs = [at(1, 'ready'), waiting(2)];
    const without = decideOne(waveOf(orgs, { approval: 'manual' }));
    expect([flips(without), starts(without)]).toEqual([[], [2]]);
    expect(whys(without)).toContain('approval: an approver of the wave: 1 orgs are ready');
    const approver = { name: 'bob', role: 'approver', from: '::1' } as const;
    expect(flips(decideOne(waveOf(orgs, { approval: 'manual', approver })))).toEqual([1]);
  });

  test('what was written down as let go is said to the org again, until it shows', () => {
    const org = at(1, 'ready', { attempts: 3 }, { attemptsWhenLetGo: 3 });
    expect(decideOne(waveOf([org])).orders).toEqual([{ kind: 'letGo', orgId: 1, migrationId: 'm-1', attempts: 3 }]);
    expect(flips(decideOne(waveOf([at(1, 'ready', { approved: true }, { attemptsWhenLetGo: 0 })])))).toEqual([]);
  });

  test('an org whose tries are spent is let go once more after a resume, and not a third time', () => {
    const org = (attempts: number) => at(1, 'ready', { attempts }, { attemptsWhenLetGo: 0 });
    const seen = { 1: { wentBack: false, stuck: true, attempts: 5, aborts: 5, longestPauseMs: 0 } };
    expect(org(5).standing).toBe('stuck');
    expect(flips(decideOne(waveOf([org(5)])))).toEqual([]);
    expect(flips(decideOne(waveOf([org(5)], { seen })))).toEqual([1]);
    expect(flips(decideOne(waveOf([org(6)], { seen })))).toEqual([]);
  });
});

describe('freeze and windows', () => {
  const closed = { timeZone: 'UTC', times: [{ from: '02:00', to: '03:00' }] };

  test('a freeze stops starts and flips', () => {
    const decision = decideOne(waveOf([waiting(1), at(2, 'ready')]), { frozen: { actor: 'eve', reason: 'incident' } });
    expect(decision.orders).toEqual([]);
    expect(whys(decision)).toEqual(['frozen: the freeze by eve to be lifted: incident']);
  });

  test('a closed window for flips holds back flips only, and says until when', () => {
    const decision = decideOne(waveOf([waiting(1), at(2, 'ready')], { settings: { flipWindow: closed } }));
    expect([starts(decision), flips(decision)]).toEqual([[1], []]);
    expect(decision.waits[0]).toEqual({
      code: 'window',
      message: 'the window for flips, which opens at 2026-01-11T02:00:00.000Z',
      untilMs: Date.UTC(2026, 0, 11, 2),
    });
    const open = decideOne(waveOf([at(2, 'ready')], { settings: { flipWindow: closed } }), {
      nowMs: Date.UTC(2026, 0, 11, 2, 30),
    });
    expect(flips(open)).toEqual([2]);
  });

  test('a closed window holds back as well what was let go and does not show yet', () => {
    const org = at(1, 'ready', { attempts: 3 }, { attemptsWhenLetGo: 3 });
    expect(flips(decideOne(waveOf([org], { settings: { flipWindow: closed } })))).toEqual([]);
  });

  test('a closed window for starts holds back starts only', () => {
    const decision = decideOne(waveOf([waiting(1), at(2, 'ready')], { settings: { startWindow: closed } }));
    expect([starts(decision), flips(decision)]).toEqual([[], [2]]);
  });

  test('a wave with orgs left and a window that is over pauses and says so', () => {
    const over = { ...closed, lastDay: '2026-01-09' };
    const left = decideOne(waveOf([waiting(1), at(2, 'soaking')], { settings: { startWindow: over } }));
    expect(left.next).toMatchObject({ state: 'paused', reason: { code: 'WAVE_WINDOW_OVER' } });
    expect(left.orders).toEqual([]);
    // Nobody waits for it any more.
    expect(decideOne(waveOf([at(2, 'soaking')], { settings: { startWindow: over } })).next).toBeNull();
  });
});

describe('canaries', () => {
  const settings = { canaries: { count: 1, watchMs: 60_000 } };
  const canary = { canary: true };

  test('nobody starts behind a canary that has not soaked long enough', () => {
    for (const org of [
      waiting(1, canary),
      at(1, 'replicating.cdc', {}, canary),
      at(1, 'verifying.comparing', {}, canary),
      at(1, 'soaking', { sinceMs: nowMs - 59_999 }, canary),
    ]) {
      expect(starts(decideOne(waveOf([org, waiting(2)], { settings }))).filter((id) => id !== 1)).toEqual([]);
    }
    const soaking = at(1, 'soaking', { sinceMs: nowMs - 59_999 }, canary);
    expect(decideOne(waveOf([soaking, waiting(2)], { settings })).waits[0]).toMatchObject({
      code: 'canaries',
      untilMs: nowMs + 1,
    });
  });

  test('all others start once each canary has', () => {
    for (const org of [
      at(1, 'soaking', { sinceMs: nowMs - 60_000 }, canary),
      at(1, 'soaking.soaked', { sinceMs: nowMs }, canary),
      at(1, 'completed', { sinceMs: nowMs }, canary),
    ]) {
      expect(starts(decideOne(waveOf([org, waiting(2)], { settings })))).toEqual([2]);
    }
  });

  test('a canary that was cancelled stops the wave, until somebody resumes it', () => {
    const orgs = [at(1, 'cancelled', {}, canary), waiting(2)];
    expect(decideOne(waveOf(orgs, { settings })).next?.reason?.message).toContain('canary org 1 ended as cancelled');
    const seen = { 1: { wentBack: false, stuck: false, attempts: 0, aborts: 0, longestPauseMs: 0 } };
    expect(starts(decideOne(waveOf(orgs, { settings, seen })))).toEqual([2]);
  });
});

describe('stop rules', () => {
  const stops = (orgs: WaveView['orgs'], stop: object, seen: WaveView['document']['seen'] = {}) =>
    decideOne(waveOf([...orgs, waiting(99)], { settings: { stop }, seen })).next;

  test.each([
    ['rollbacks', { rollbacks: 2 }, [at(1, 'rollingBack.catchUp'), at(2, 'rolledBack')]],
    ['stuck', { stuck: 3 }, [at(1, 'needsOperator'), at(2, 'drifted'), waiting(3, { refusal: reason() })]],
    [
      'aborts',
      { aborts: 4 },
      [at(1, 'ready', { attempts: 3, aborts: 3 }), at(2, 'soaking', { attempts: 2, aborts: 1 })],
    ],
    ['pauseMs', { pauseMs: 900 }, [at(1, 'soaking', { longestPauseMs: 901 })]],
  ] as const)('by %s: the wave pauses, says why, and begins nothing more', (rule, stop, orgs) => {
    const next = stops(orgs, stop);
    expect(next).toMatchObject({ state: 'paused', reason: { code: 'WAVE_STOPPED' } });
    expect(decideOne(waveOf([...orgs, waiting(99)], { settings: { stop } })).orders).toEqual([]);
    // One less, or a limit that is not there, and it goes on.
    const loose =
      rule === 'pauseMs'
        ? { pauseMs: 901 }
        : Object.fromEntries(Object.entries(stop).map(([name, most]) => [name, most + 1]));
    expect(stops(orgs, { rollbacks: null, aborts: null, stuck: null, pauseMs: null, ...loose })).toBeNull();
  });

  test('what somebody has seen does not stop it again; what comes on top does', () => {
    const seen = { 1: { wentBack: true, stuck: false, attempts: 2, aborts: 2, longestPauseMs: 700 } };
    const before = at(1, 'rolledBack', { aborts: 2, attempts: 2, longestPauseMs: 700 });
    const stop = { rollbacks: 1, aborts: 1, pauseMs: 500 };
    expect(stops([before], stop, seen)).toBeNull();
    expect(stops([at(1, 'rolledBack', { aborts: 3, longestPauseMs: 700 })], stop, seen)).not.toBeNull();
    expect(stops([before, at(2, 'rolledBack')], stop, seen)?.reason?.message).toContain('1 orgs went back (2)');
    expect(stops([at(1, 'rolledBack', { aborts: 2, longestPauseMs: 800 })], stop, seen)?.reason?.message).toContain(
      '800 ms',
    );
  });
});

describe('ends', () => {
  test('a wave is completed when nothing more comes of any org', () => {
    const over = [at(1, 'completed'), at(2, 'rolledBack'), at(3, 'cancelled'), waiting(4, { refusal: reason() })];
    expect(decideOne(waveOf(over)).next).toEqual({ state: 'completed', reason: null });
    expect(decideOne(waveOf([...over, at(5, 'soaking')])).next?.state).not.toBe('completed');
    expect(decideOne(waveOf(over, { state: 'paused' })).next?.state).toBe('completed');
  });

  test('a paused wave begins nothing, brings starts to their end, and takes back what nobody heard of', () => {
    const orgs = [
      waiting(1, { askedToStart: true }),
      waiting(2),
      at(3, 'ready'),
      at(4, 'ready', {}, { attemptsWhenLetGo: 0 }),
      at(5, 'ready', { approved: true }, { attemptsWhenLetGo: 0 }),
    ];
    expect(decideOne(waveOf(orgs, { state: 'paused' })).orders).toEqual([
      { kind: 'start', orgId: 1, again: true },
      { kind: 'withdraw', orgId: 4 },
    ]);
  });

  test('cancelling leaves orgs where they are on their cluster, and cancels the others', () => {
    const orgs = [at(1, 'soaking'), at(2, 'replicating.cdc'), at(3, 'cleaningUp'), waiting(4), at(5, 'planned')];
    const decision = decideOne(waveOf(orgs, { state: 'cancelling' }));
    expect(decision.orders).toEqual([
      { kind: 'cancel', orgId: 2, migrationId: 'm-2' },
      { kind: 'cancel', orgId: 5, migrationId: 'm-5' },
    ]);
    expect(decideOne(waveOf([at(1, 'soaking'), at(2, 'cancelled'), waiting(4)], { state: 'cancelling' })).next).toEqual(
      {
        state: 'cancelled',
        reason: null,
      },
    );
  });

  test('rolling back asks every org that has not ended, and ends when all have', () => {
    const orgs = [
      at(1, 'soaking'),
      at(2, 'replicating.cdc'),
      at(3, 'rollingBack.hold'),
      at(4, 'completed'),
      waiting(5),
    ];
    const decision = decideOne(waveOf(orgs, { state: 'rollingBack' }));
    expect(decision.orders.map(({ kind, orgId }) => [kind, orgId])).toEqual([
      ['rollback', 1],
      ['rollback', 2],
    ]);
    expect(decision.next).toBeNull();
    expect(
      decideOne(waveOf([at(1, 'rolledBack'), at(4, 'completed'), waiting(5)], { state: 'rollingBack' })).next,
    ).toEqual({ state: 'rolledBack', reason: null });
  });

  test('rolling back, one that cannot go back waits for a person’s choice, and one that stays is let be', () => {
    const stuck = at(1, 'needsOperator', { side: 'cluster', decided: 'back' });
    const first = decideOne(waveOf([stuck], { state: 'rollingBack' }));
    expect(first.orders).toEqual([]);
    expect(whys(first)).toEqual(['orgs: 1 orgs to end', 'persons: 1 orgs that need a person']);
    const stays = at(1, 'soaking', { decided: 'stays' });
    expect(decideOne(waveOf([stays], { state: 'rollingBack' })).next).toEqual({ state: 'rolledBack', reason: null });
    // Stuck for another reason it is asked.
    const other = at(1, 'needsOperator', { side: 'cluster' });
    expect(decideOne(waveOf([other], { state: 'rollingBack' })).orders).toMatchObject([{ kind: 'rollback', orgId: 1 }]);
  });

  test('a planned or ended wave asks for nothing', () => {
    for (const state of ['planned', 'completed', 'cancelled', 'rolledBack'] as const) {
      expect(decideOne(waveOf([waiting(1), at(2, 'ready')], { state }))).toEqual({ ...none, id: 'w-1' });
    }
  });
});

function reason() {
  return { code: 'ORG_ALREADY_MOVED', message: 'm', remedy: 'r', details: {} };
}
