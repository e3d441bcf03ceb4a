import { expect, test } from 'vitest';
import { forecast } from '../../src/waves/forecast.ts';
import type { WaveView } from '../../src/waves/schedule.ts';
import { at, nowMs, situationOf, waiting, waveOf } from './views.ts';

const durations = { startMs: 10_000, rowsPerSecond: 100, flipMs: 2_000, soakMs: 60_000 };
const rest = async () => {};
const limits = { source: 2, instance: 1_000, cluster: 1_000, flips: 1 };
const play = (wave: WaveView, more: object = {}) =>
  forecast(wave, situationOf([wave], { limits, ...more }), durations, rest);

test('orgs start as places come free, and each takes what its rows take', async () => {
  const wave = waveOf([waiting(1, { rows: 1_000 }), waiting(2, { rows: 2_000 }), waiting(3, { rows: 1_000 })], {
    state: 'planned',
  });
  const { orgs, movedMs, endsMs, peak, standsStill } = await play(wave);
  const after = (ms: number | null | undefined) => Math.round(((ms ?? Number.NaN) - nowMs) / 1_000);
  expect(orgs.map(({ startsMs }) => after(startsMs))).toEqual([0, 0, 22]);
  expect(orgs.map(({ flipsMs }) => after(flipsMs))).toEqual([20, 30, 42]);
  expect([after(movedMs), after(endsMs)]).toEqual([44, 104]);
  expect(peak).toEqual({ loading: 2, rowsPerSecond: 200, tasks: new Map([['eu-west-2', 6]]) });
  expect(standsStill).toBeNull();
});

test('a window moves everything behind its opening', async () => {
  const settings = { flipWindow: { timeZone: 'UTC', times: [{ from: '02:00', to: '04:00' }] } };
  const { orgs } = await play(waveOf([waiting(1)], { settings }));
  expect(orgs[0]?.flipsMs).toBe(Date.UTC(2026, 0, 11, 2));
});

test('the rest of a wave goes on from where it is', async () => {
  const wave = waveOf([at(1, 'completed'), at(2, 'soaking'), at(3, 'ready'), at(4, 'needsOperator'), waiting(5)]);
  const { orgs, movedMs } = await play(wave);
  expect(orgs.find(({ orgId }) => orgId === 3)?.flipsMs).toBe(nowMs);
  expect(orgs.find(({ orgId }) => orgId === 4)?.flipsMs).toBeNull();
  expect(movedMs).toBeGreaterThan(nowMs);
});

test('what stands still for ever says why', async () => {
  const moves = [{ state: 'replicating.cdc', homeRegion: 'eu-west-2', moves: 2 }];
  const { standsStill, movedMs } = await play(waveOf([waiting(1)]), { moves });
  expect(standsStill).toBe('the limit of source: 2 of 2 orgs that the source is read for');
  expect(movedMs).toBeNull();
});

test('thousands of orgs are told in looks that others can come between', async () => {
  let rests = 0;
  const orgs = Array.from({ length: 800 }, (_, index) => waiting(index + 1, { rows: 100 * index }));
  const wave = waveOf(orgs, { state: 'planned' });
  const limits = { source: 20, instance: 1_000, cluster: 1_000, flips: 5 };
  const { movedMs } = await forecast(wave, situationOf([wave], { limits }), durations, async () => {
    rests += 1;
  });
  expect(movedMs).not.toBeNull();
  expect(rests).toBeGreaterThan(5);
});
