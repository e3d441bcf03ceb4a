import { expect, it } from 'vitest';
import { describeGrown, grownBeside } from '../../infra/bench/compare.ts';
import { benchmarks } from '../../infra/bench/list.ts';
import { type Measured, readResults } from '../../infra/bench/results.ts';
import { NoTableError, ratiosIn, withFigures } from '../../infra/bench/table.ts';
import { textOf } from '../docs/documents.ts';

const empty = [
  '# Readme',
  '',
  '<!-- figures of npm run bench -- --table: begin -->',
  '<!-- figures: end -->',
  'below',
].join('\n');

const measured = (name: string, given: Partial<Measured> = {}): Measured => ({
  name,
  value: 50,
  unit: 'ms',
  floor: 40,
  ratio: 1.25,
  better: 'lower',
  toReach: 'within 1.5 ×',
  reached: true,
  slowest: 'marker | drain: 20 ms',
  toHalve: 'a faster machine',
  machine: { cpus: 2, model: 'some processor', memoryGb: 8, loadBefore: 0.1 },
  ...given,
});

it('writes a row for each benchmark, and reads every ratio back', () => {
  const document = withFigures(empty, [
    measured('flip', { ratios: { p99: 2.5 } }),
    measured('api', { ratios: { 'one, whole': 0.6 }, ratio: 0.5, better: 'higher', reached: false }),
  ]);
  expect(document.startsWith('# Readme\n\n<!--')).toBe(true);
  expect(document.endsWith('end -->\nbelow')).toBe(true);
  expect(document).toContain('| `flip` | 50 ms | 40 ms | 1.25 · p99 2.5 | within 1.5 × | marker \\| drain: 20 ms |');
  expect(document).toContain('within 1.5 × (**missed**)');
  expect(document).toContain('2 × some processor, 8 GB, load 0.1 before |');
  const ratios = [...ratiosIn(document)].map(([name, all]) => [name, Object.fromEntries(all)]);
  expect(ratios).toEqual([
    ['flip', { flip: 1.25, p99: 2.5 }],
    ['api', { api: 0.5, 'one, whole': 0.6 }],
  ]);
});

it('replaces the rows of what was measured, and leaves the others as they are', () => {
  const before = withFigures(empty, [measured('flip'), measured('start')]);
  const after = withFigures(before, [measured('start', { value: 7 }), measured('driver')]);
  const rows = (document: string) => document.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows(after).map((row) => row.split(' | ').slice(0, 2))).toEqual([
    ['| `flip`', '50 ms'],
    ['| `start`', '7 ms'],
    ['| `driver`', '50 ms'],
  ]);
  expect(rows(after)[0]).toBe(rows(before)[0]);
  expect(withFigures(after, [])).toBe(after);
});

it('a document without a table is an error', () => {
  expect(() => withFigures('# Readme', [])).toThrow(NoTableError);
});

it('names every ratio that has become worse by half, whichever way is worse', () => {
  const table = ratiosIn(
    withFigures(empty, [
      measured('flip', { ratio: 1, ratios: { p99: 2, read: 1 } }),
      measured('api', { ratio: 0.6, better: 'higher' }),
    ]),
  );
  const now = [
    measured('flip', { ratio: 1.49, ratios: { p99: 3, read: 0.1, fresh: 9 } }),
    measured('api', { ratio: 0.4, better: 'higher' }),
    measured('start', { ratio: 100 }),
  ];
  expect(grownBeside(table, now).map(describeGrown)).toEqual([
    'flip (p99): ratio 3, was 2: 1.5 times worse',
    'api: ratio 0.4, was 0.6: 1.5 times worse',
  ]);
  expect(grownBeside(table, [measured('api', { ratio: 0.9, better: 'higher' })])).toEqual([]);
});

it('reads what --json printed, among the lines of whatever else was', () => {
  const printed = JSON.stringify({ ...measured('flip'), extra: [1, 2] });
  expect(readResults(`> bench\n${printed}\n\nflip: done\n`)).toEqual([{ ...measured('flip'), extra: [1, 2] }]);
  expect(() => readResults('{"name":"flip"}')).toThrow();
});

it("every row of the README's table is a benchmark that there is, with ratios that can be compared", () => {
  const table = ratiosIn(textOf('README.md'));
  expect([...table.keys()].filter((name) => !benchmarks.some((benchmark) => benchmark.name === name))).toEqual([]);
  for (const [name, ratios] of table) {
    expect(ratios.has(name)).toBe(true);
    for (const ratio of ratios.values()) expect(ratio).toBeGreaterThan(0);
  }
});
