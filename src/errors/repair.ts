import { CutoverError } from './base.ts';

/** Journal and reality contradict each other in which side serves the org. */
export class RepairAmbiguousError extends CutoverError {
  readonly code = 'REPAIR_AMBIGUOUS';
  readonly remedy =
    'Find out where the org’s last writes are, then give that side with --serve source or --serve cluster.';
  constructor(orgId: number, why: string) {
    super(`org ${orgId}: nobody but you can say which side serves: ${why}`, { details: { orgId, why } });
  }
}

/** Something that a diagnosis looks at said nothing in time. */
export class NoAnswerError extends CutoverError {
  readonly code = 'NO_ANSWER';
  readonly remedy = 'See whether it is frozen or cut off from here; what else was found stands beside it.';
  readonly transient = true;
  constructor(withinMs: number) {
    super(`no answer within ${withinMs / 1_000} s`, { details: { withinMs } });
  }
}

/** Something that the repair depends on cannot be seen. */
export class RepairBlockedError extends CutoverError {
  readonly code = 'REPAIR_BLOCKED';
  readonly remedy = 'Bring back what is named here, then ask for the repair again; nothing has been changed.';
  constructor(orgId: number, missing: readonly string[]) {
    super(`org ${orgId} cannot be repaired: ${missing.join('; ')}`, { details: { orgId, missing } });
  }
}

/** What is found now is not what the confirmed plan was made from. */
export class RepairPlanChangedError extends CutoverError {
  readonly code = 'REPAIR_PLAN_CHANGED';
  readonly remedy = 'Read the new plan, and confirm that one.';
  constructor(orgId: number, confirmed: string, now: string) {
    super(`org ${orgId}: plan ${confirmed} was confirmed, but what is found now makes plan ${now}`, {
      details: { orgId, confirmed, now },
    });
  }
}
