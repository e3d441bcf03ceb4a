import { abort } from './abort.ts';
import { comment } from './comment.ts';
import { lagBreach } from './lagBreach.ts';
import { longTransaction } from './longTransaction.ts';
import { move } from './move.ts';
import { rollback } from './rollback.ts';
import type { Scenario } from './scenario.ts';
import { wave } from './wave.ts';

export type { Scenario } from './scenario.ts';

/** By name; the first is what `npm run demo` shows. */
export const scenarios: readonly [Scenario, ...Scenario[]] = [
  move,
  rollback,
  lagBreach,
  abort,
  longTransaction,
  comment,
  wave,
];
