import { move } from './move.ts';
import { rollback } from './rollback.ts';
import type { Scenario } from './scenario.ts';

export type { Scenario } from './scenario.ts';

/** By name; the first is what `npm run demo` shows. */
export const scenarios: readonly [Scenario, ...Scenario[]] = [move, rollback];
