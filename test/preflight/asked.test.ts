import { expect, it } from 'vitest';
import { FlipNotReadyError, PlaceError } from '../../src/errors/index.ts';
import { asked } from '../../src/preflight/asked.ts';

const slept: number[] = [];
let nowMs = 0;
const clock = { sleep: async (ms: number) => void slept.push(ms), monotonicMs: () => nowMs };
const busy = new PlaceError('lon1', 'looking', new Error('no connection is free'));
const found = [{ code: 'FOUND', severity: 'warn' as const, message: 'found', remedy: 'none', evidence: {} }];

/** Fails with the errors one after the other, then answers. */
function question(errors: readonly unknown[]) {
  let asks = 0;
  const ask = async () => {
    const error = errors[asks++];
    if (error !== undefined) throw error;
    return found;
  };
  return { ask, asks: () => asks };
}

it('asks again where the failure may pass', async () => {
  const { ask, asks } = question([busy, busy]);
  slept.length = 0;
  expect(await asked(clock, ask)).toEqual(found);
  expect([asks(), slept]).toEqual([3, [500, 500]]);
});

it('tells of a place that stays busy', async () => {
  const { ask, asks } = question([busy, busy, busy, busy]);
  expect(await asked(clock, ask)).toMatchObject([{ code: busy.code, severity: 'refuse' }]);
  expect(asks()).toBe(3);
});

it('does not ask again who took long to fail', async () => {
  const { ask, asks } = question([busy, busy]);
  const slow = async () => {
    nowMs += 6_000;
    return ask();
  };
  expect(await asked(clock, slow)).toMatchObject([{ code: busy.code }]);
  expect(asks()).toBe(1);
});

it('tells at once of what does not pass', async () => {
  const lasting = new FlipNotReadyError('proxy-1 was not prepared');
  const { ask, asks } = question([lasting]);
  expect(await asked(clock, ask)).toMatchObject([{ code: lasting.code, severity: 'refuse' }]);
  expect(asks()).toBe(1);
});

it('hides no mistake of its own', async () => {
  await expect(asked(clock, question([new TypeError('a bug')]).ask)).rejects.toThrow('a bug');
});
