import { ratio } from './figures.ts';
import type { Measured } from './results.ts';

/** So many times worse than the table says is worth a word: grown by half. */
const worthSaying = 1.5;

/** A ratio that is worse than it was. */
export interface Grown {
  readonly benchmark: string;
  /** What it is the ratio of; the benchmark's name for its own. */
  readonly of: string;
  readonly was: number;
  readonly is: number;
  /** How many times worse. */
  readonly times: number;
}

/**
 * Every ratio that has become worse by half: grown where lower is better, shrunk by a third where higher is. Ratios that
 * the table does not have are no comparison.
 */
export function grownBeside(
  table: ReadonlyMap<string, ReadonlyMap<string, number>>,
  results: readonly Measured[],
): Grown[] {
  return results.flatMap((result) => {
    const before = table.get(result.name);
    const now = Object.entries({ [result.name]: result.ratio, ...result.ratios });
    return now.flatMap(([of, is]): Grown[] => {
      const was = before?.get(of);
      if (was === undefined) return [];
      const times = result.better === 'lower' ? ratio(is, was) : ratio(was, is);
      return times < worthSaying ? [] : [{ benchmark: result.name, of, was, is, times }];
    });
  });
}

export function describeGrown({ benchmark, of, was, is, times }: Grown): string {
  return `${benchmark}${of === benchmark ? '' : ` (${of})`}: ratio ${is}, was ${was}: ${times.toFixed(1)} times worse`;
}
