/** So many statements that took so long on the average. */
export interface Weighted {
  readonly count: number;
  readonly seconds: number;
}

/**
 * The p-th quantile (0 to 1) over statements, each with the mean of its kind: what is slow within one kind does not
 * show. Null without statements.
 */
export function quantileOfMeans(kinds: readonly Weighted[], p: number): number | null {
  const sorted = kinds.filter(({ count }) => count > 0).sort((one, other) => one.seconds - other.seconds);
  const total = sorted.reduce((sum, { count }) => sum + count, 0);
  let below = 0;
  for (const { count, seconds } of sorted) {
    below += count;
    if (below >= p * total) return seconds;
  }
  return null;
}
