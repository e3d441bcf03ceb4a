import { describe, expect, it } from 'vitest';
import { LagHistory } from '../../src/heartbeat/history.ts';
import { changeBetween, rowOf } from '../../src/http/live/overview.ts';
import { commandNames, type MigrationStatus } from '../../src/service/status.ts';
import { EventParser } from '../../src/web/live/parser.ts';
import { command, commandsOf } from '../../src/web/model/commands.ts';
import { heard, nothingHeard, withHistory, withStatus } from '../../src/web/model/feed.ts';
import { duration, percent, stateText } from '../../src/web/model/format.ts';
import { columnsOf, limitsOf } from '../../src/web/model/lag.ts';
import { changed, groupOf, inOrder, matches } from '../../src/web/model/overview.ts';
import { hashOf, routeOf } from '../../src/web/model/route.ts';
import { barsOf, spansOf, ticksOf } from '../../src/web/model/spans.ts';
import { pathOf, toneOf } from '../../src/web/model/states.ts';
import { statesOfTheMachine } from '../docs/states.ts';
import { eventOf, statusOf } from '../http/fakeService.ts';

const event = (name: string, data: unknown) => ({ event: name, data: JSON.stringify(data), id: null });

describe('the parser of server-sent events', () => {
  const text =
    ': hello\n\nid: 7\nevent: timeline\ndata: {"a":\ndata: "é"}\n\nevent: freeze\ndata:{}\n\n: still here\n\n';
  it('gives the same, wherever the pieces end, and whatever ends a line', () => {
    for (const whole of [text, text.replaceAll('\n', '\r\n'), text.replaceAll('\n', '\r')]) {
      for (let size = 1; size <= 9; size++) {
        const parser = new EventParser();
        const found = [];
        for (let at = 0; at < whole.length; at += size) found.push(...parser.take(whole.slice(at, at + size)));
        // A last \r may be half of a line's end: it counts with what follows.
        found.push(...parser.take('event: x\n'));
        expect(found).toEqual([
          { id: '7', event: 'timeline', data: '{"a":\n"é"}' },
          { id: null, event: 'freeze', data: '{}' },
        ]);
      }
    }
  });
});

describe('what a stream tells', () => {
  it('is kept, an event that comes twice once, and an older status never over a newer', () => {
    let feed = heard(nothingHeard, event('hello', { now: new Date(5_000).toISOString(), version: '1' }), 2_000);
    expect(feed.aheadMs).toBe(3_000);
    for (const seq of [1, 2, 2, 1, 3]) feed = heard(feed, event('timeline', eventOf(seq)), 0);
    expect(feed.timeline.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    feed = withStatus(feed, statusOf('m1', 42, { version: 5, state: 'ready' }));
    feed = heard(feed, event('status', statusOf('m1', 42, { version: 4, state: 'lagCheck' })), 0);
    expect(feed.status?.state).toBe('ready');
    const trouble = { code: 'STORE_UNAVAILABLE', detail: 'x', remedy: 'y' };
    feed = heard(feed, event('trouble', trouble), 0);
    expect(feed.trouble).toEqual(trouble);
    expect(heard(feed, event('trouble', null), 0).trouble).toBeNull();
    expect(heard(feed, event('something newer', 1), 0)).toBe(feed);
  });

  it('has each sample of the lag once, with what was measured before in front', () => {
    const at = (seconds: number) => new Date(seconds * 1_000).toISOString();
    const seen = (seconds: number, forwardMs: number) =>
      statusOf('m1', 42, { lag: { forwardMs, reverseMs: null, observedAt: at(seconds) } });
    let feed = withStatus(withStatus(withStatus(nothingHeard, seen(100, 5)), seen(100, 5)), seen(101, 7));
    feed = withHistory(feed, [
      { at: at(60), forwardMs: 900, reverseMs: null },
      { at: at(90), forwardMs: 9, reverseMs: null },
    ]);
    expect(feed.lag.map(({ forwardMs }) => forwardMs)).toEqual([900, 9, 5, 7]);
    // Nobody knows what was between the first two.
    expect(columnsOf(feed.lag).forward).toEqual([900, null, 9, 5, 7]);
    expect(columnsOf(feed.lag).at).toHaveLength(5);
    expect(limitsOf({ lagGateMs: 500 })).toEqual({ forwardMs: 500, backMs: null });
  });
});

describe('the list', () => {
  const rows = [
    rowOf(statusOf('a', 1, { state: 'soaking', serving: 'cluster', since: '2026-01-01T00:00:00.000Z' })),
    rowOf(statusOf('b', 20, { state: 'completed', outcome: 'completed', serving: 'cluster' })),
    rowOf(statusOf('c', 3, { state: 'ready' })),
    rowOf(statusOf('d', 4, { state: 'needsOperator' })),
    rowOf(statusOf('e', 5, { state: 'soaking', serving: 'unknown' })),
    rowOf(statusOf('f', 6, { state: 'flipping.hold', serving: 'held' })),
  ];

  it('shows first who waits for somebody, the worst before all', () => {
    expect(inOrder(rows).map(({ id }) => id)).toEqual(['d', 'e', 'c', 'f', 'a', 'b']);
    expect(groupOf(statusOf('x', 1, { state: 'drifted' }))).toBe('you');
  });

  it('finds orgs by the beginning of their number, everything else by words', () => {
    const found = (search: string) => rows.filter((row) => matches(row, search)).map(({ id }) => id);
    expect(found('2')).toEqual(['b']);
    expect(found('SOAKING eu-west')).toEqual(['a', 'e']);
    expect(found('')).toHaveLength(rows.length);
  });

  it('is the same after its changes as what they were made from', () => {
    const now = [
      ...rows.slice(1).map((row) => (row.id === 'c' ? { ...row, forwardMs: 51, waitsFor: null } : row)),
      rowOf(statusOf('g', 7)),
    ];
    const change = JSON.parse(JSON.stringify(changeBetween(rows, now)));
    expect(change.gone).toEqual(['a']);
    expect(change.changed[0]).toEqual({ id: 'c', forwardMs: 51, waitsFor: null });
    expect(changed(rows, change)).toEqual(now);
  });
});

describe('commands', () => {
  const names = (changes: Parameters<typeof statusOf>[2]) =>
    commandsOf(statusOf('m', 1, changes)).map(({ name }) => name);

  it('are known for every command that a status may allow', () => {
    expect(commandNames.filter((name) => command(name) === null)).toEqual([]);
  });

  it('are what the state allows, with what a comparison and a schema ask for', () => {
    expect(names({})).toEqual(['start', 'cancel']);
    expect(names({ state: 'soaking', allowed: ['pause', 'resume', 'rollback', 'complete'] })).toEqual([
      'complete',
      'verify',
      'pause',
      'rollback',
    ]);
    expect(names({ state: 'soaking', allowed: ['pause', 'resume'], pauseRequested: true })).toEqual([
      'resume',
      'verify',
    ]);
    const different = {
      outcome: 'different',
      kind: 'live',
      rows: 1,
      mismatches: 1,
      at: '',
      ageMs: 0,
      stale: false,
      sample: [],
    } as const;
    expect(names({ state: 'ready', allowed: [], verification: { ...different, sample: [] } })).toEqual([
      'verify',
      'repairRows',
    ]);
    expect(names({ state: 'drifted', allowed: [] })).toEqual(['acceptSchema']);
    expect(names({ state: 'soaking', serving: 'unknown', allowed: [] })).toEqual([]);
    expect(names({ state: 'rolledBack', outcome: 'rolledBack', allowed: [] })).toEqual([]);
    const over: Partial<MigrationStatus> = { state: 'completed', outcome: 'completed', allowed: [] };
    const purge = { by: '', why: '', orderedAt: '', site: null, rowsExpected: null, rowsDeleted: 0, tables: [] };
    const shown = { ...purge, etaMs: null, waitsFor: null, reason: null, changedAt: '' };
    expect(names(over)).toEqual(['purge']);
    expect(names({ ...over, purge: { ...shown, state: 'running' } })).toEqual(['purgePause', 'purgeCancel']);
    expect(names({ ...over, purge: { ...shown, state: 'stopped' } })).toEqual(['purgeResume', 'purgeCancel']);
    expect(names({ ...over, purge: { ...shown, state: 'done' } })).toEqual([]);
  });

  it('of no return ask for more than a click', () => {
    for (const name of ['complete', 'acceptLoss', 'purge']) {
      expect(command(name)).toMatchObject({ weight: 'final', needsReason: true });
    }
    expect(command('acceptLoss')).toMatchObject({ path: 'rollback', body: { acceptLoss: true } });
  });
});

describe('the path', () => {
  const shown = (state: string, visited: string[]) =>
    pathOf(state, visited)
      .filter(({ is }) => is !== 'ahead')
      .map(({ name, is }) => (is === 'here' ? `[${name}]` : name))
      .join(' ');

  it('says where an org is, also beside the path and on the way back', () => {
    expect(shown('replicating.cdc', ['planned', 'preflight', 'snapshot'])).toBe(
      'Planned Preflight Snapshot [Replicate]',
    );
    expect(shown('needsOperator', ['planned', 'preflight'])).toBe('Planned [Preflight]');
    const there = ['planned', 'ready', 'flipping', 'soaking'];
    expect(shown('rollingBack.hold', there)).toMatch(/Soak \[Flip back\]$/);
    expect(shown('rolledBack', [...there, 'rollingBack', 'cleaningUp'])).toMatch(
      /Flip back Clean up \[Back at BigDB\]$/,
    );
    expect(shown('needsOperator', [...there, 'rollingBack'])).toMatch(/Soak \[Flip back\]$/);
    // A way back that was given up.
    expect(shown('soaking', [...there, 'rollingBack', 'needsOperator'])).toMatch(/Verify \[Soak\]$/);
    expect(shown('completed', [...there, 'completing'])).toMatch(/\[Complete\]$/);
  });

  it('has a tone and words for every state of the machine', () => {
    for (const state of statesOfTheMachine()) {
      expect(toneOf(state).mark).not.toBe('');
      expect(stateText(state)).toMatch(/^[A-Z][a-z ·]+$/);
    }
  });
});

describe('time', () => {
  const entry = (seconds: number, state: string, type = 'state') => ({
    ...eventOf(seconds),
    at: new Date(seconds * 1_000).toISOString(),
    state,
    type,
  });

  it('in a phase is one span, whatever its steps', () => {
    const events = [
      entry(0, 'planned', 'command'),
      entry(1, 'preflight'),
      entry(2, 'replicating.task'),
      entry(3, 'replicating.cdc'),
      entry(4, 'x', 'note'),
      entry(9, 'ready'),
    ];
    expect(spansOf(events, false)).toEqual([
      { phase: 'planned', fromMs: 0, toMs: 1_000 },
      { phase: 'preflight', fromMs: 1_000, toMs: 2_000 },
      { phase: 'replicating', fromMs: 2_000, toMs: 9_000 },
      { phase: 'ready', fromMs: 9_000, toMs: null },
    ]);
    expect(spansOf(events, true).at(-1)?.toMs).toBe(9_000);
    expect(spansOf([], false)).toEqual([]);
  });

  it('of an attempt is laid out step by step', () => {
    const bars = barsOf({
      phases: [
        { phase: 'prepare', ms: 10, ok: true },
        { phase: 'hold', ms: 5, ok: false },
      ],
    });
    expect(bars).toEqual([
      { phase: 'prepare', fromMs: 0, ms: 10, ok: true, held: false },
      { phase: 'hold', fromMs: 10, ms: 5, ok: false, held: true },
    ]);
    expect(ticksOf(0)).toEqual([0]);
    for (const all of [3, 470, 61_000, 7_200_000, 9e9]) {
      expect(ticksOf(all).length).toBeLessThanOrEqual(6);
      expect(ticksOf(all).at(-1)).toBeLessThanOrEqual(all);
    }
  });

  it('is said in the unit that fits', () => {
    const said = [
      null,
      0,
      0.42,
      51,
      999.4,
      999.6,
      1_440,
      59_400,
      59_600,
      200_000,
      3_599_600,
      7_500_000,
      86_400_000 * 3.5,
    ].map(duration);
    expect(said).toEqual([
      '–',
      '0 ms',
      '0.4 ms',
      '51 ms',
      '999 ms',
      '1 s',
      '1.4 s',
      '59 s',
      '1 min',
      '3 min 20 s',
      '1 h',
      '2 h 5 min',
      '3 d 12 h',
    ]);
    expect([0, 12.34, 99.97, 100].map(percent)).toEqual(['0 %', '12.3 %', '100 %', '100 %']);
  });

  it('of lag is kept for an hour, the worst of each window', () => {
    const history = new LagHistory();
    for (let second = 0; second < 7_200; second++) history.add(second * 1_000, 'forward', second === 7_003 ? 900 : 50);
    history.add(7_200_000, 'back', 70);
    history.add(7_200_500, 'forward', 1);
    expect(history.points).toHaveLength(360);
    expect(history.points.filter(({ lagMs }) => lagMs === 900)).toHaveLength(1);
    expect(history.points.slice(-2).map(({ direction, lagMs }) => `${direction} ${lagMs}`)).toEqual([
      'back 70',
      'forward 1',
    ]);
  });
});

it('an address leads to a view and back', () => {
  for (const route of [{ view: 'orgs' }, { view: 'fleet' }, { view: 'org', id: 'm-1:2' }] as const) {
    expect(routeOf(hashOf(route))).toEqual(route);
  }
  expect(routeOf('#/no/such')).toEqual({ view: 'orgs' });
});
