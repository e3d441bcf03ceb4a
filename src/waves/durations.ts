import type { Policy } from '../../statecharts/policy.ts';
import type { Durations } from './forecast.ts';
import type { OrgView } from './standing.ts';

/** What a start takes where none was seen yet (milliseconds): DMS makes and starts a task in about 40 s. */
const startGuessMs = 60_000;
const startLeastMs = 1_000;

/** What the orgs of a wave take: as its policy says, and where some have come to their flip, as long as they took. */
export function durationsOf(
  orgs: readonly OrgView[],
  { flipBudgetMs, soakMs }: Pick<Policy, 'flipBudgetMs' | 'soakMs'>,
  rowsPerSecond: number,
): Durations {
  const started = orgs.flatMap(({ move, rows }) =>
    move === null || move.firstAttemptMs === null
      ? []
      : [move.firstAttemptMs - move.createdAtMs - (rows / rowsPerSecond) * 1_000],
  );
  const mean = started.reduce((sum, ms) => sum + ms, 0) / started.length;
  const startMs = started.length === 0 ? startGuessMs : Math.max(startLeastMs, mean);
  return { startMs, rowsPerSecond, flipMs: flipBudgetMs, soakMs };
}
