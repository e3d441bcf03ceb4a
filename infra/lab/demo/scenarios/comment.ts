import { move } from './move.ts';
import type { Scenario } from './scenario.ts';

/** Share of the movers' transactions whose BEGIN lacks the annotation. */
const FORGOTTEN_SHARE = 0.2;

export const comment: Scenario = {
  ...move,
  name: 'comment',
  about: 'orgs are told apart by a comment, and writers forget it on BEGIN: errors are allowed, losses are not',
  lab: { routing: 'comment' },
  workload: { forgetBeginAnnotation: { orgIds: [...move.movers.keys()], share: FORGOTTEN_SHARE } },
  clientErrorsAllowed: true,
};
