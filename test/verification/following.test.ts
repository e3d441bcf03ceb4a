import { expect, test } from 'vitest';
import { judge, type RowLook, SUSPECTED, type Suspicion } from '../../src/verification/index.ts';

const row = (value: string | null) => (value === null ? null : { V: value });
const look = (source: string | null, target: string | null): RowLook => ({ source: row(source), target: row(target) });

/** Judges look after look; the verdict, or `open` behind the last. */
function after(looks: readonly RowLook[], leads: 'source' | 'target' = 'source'): string {
  let suspicion: Suspicion = SUSPECTED;
  for (const [i, each] of looks.entries()) {
    const verdict = judge(suspicion, each, leads);
    if (typeof verdict === 'string') return `${verdict} at look ${i + 1}`;
    suspicion = verdict;
  }
  return 'open';
}

test.each<[string, RowLook[], string]>([
  ['on its way', [look('new', 'old'), look('new', 'new')], 'agrees at look 2'],
  ['gone on both sides by now', [look(null, null)], 'agrees at look 1'],
  ['never arrives', [look('a', null), look('a', null), look('a', null)], 'differs at look 3'],
  ['extra', [look(null, 'x'), look(null, 'x'), look(null, 'x')], 'differs at look 3'],
  ['arrives spoilt', [look('a', 'b'), look('a', 'c'), look('a', 'c')], 'differs at look 3'],
  ['written on, and never taken', [look('1', '0'), look('2', '0'), look('3', '0')], 'differs at look 3'],
  ['came back to what it was, once', [look('1', '0'), look('1', '2'), look('1', '1')], 'agrees at look 3'],
  ['written on and carried', Array.from({ length: 30 }, (_, i) => look(`${i + 1}`, `${i}`)), 'agrees at look 20'],
  ['written on and carried so far', Array.from({ length: 10 }, (_, i) => look(`${i + 1}`, `${i}`)), 'open'],
])('a row that is %s', (_, looks, verdict) => {
  expect(after(looks)).toBe(verdict);
});

test('the cluster leads once it serves', () => {
  expect(after([look('old', 'new'), look('new', 'new')], 'target')).toBe('agrees at look 2');
});
