import type { MigrationContext } from '../../statecharts/context.ts';
import type { DeadlineName } from '../../statecharts/effects.ts';

/** The longest that a deadline can lie ahead (milliseconds): what is due later was written under another clock. */
export function longestMs(deadline: DeadlineName, { policy }: MigrationContext): number {
  switch (deadline) {
    case 'flip':
      return policy.flipBudgetMs;
    case 'backoff':
      return Math.max(policy.flipBackoffMs, policy.flipBackoffMaxMs);
    case 'soak':
      return policy.soakMs;
  }
}
