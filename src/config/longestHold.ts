/** How long a controller may be silent before others take over, where the configuration says nothing (milliseconds). */
export const leaseDefaultMs = 2_000;
/** What the new owner needs to notice, to read what was decided, and to release (milliseconds; measured: 0.2 to 0.7 s). */
const takeOverMs = 1_000;

/** The longest that clients wait when the controller dies at the end of a flip's budget (milliseconds). */
export function longestHoldMs(flipBudgetMs: number, leaseMs: number): number {
  return flipBudgetMs + leaseMs + takeOverMs;
}
