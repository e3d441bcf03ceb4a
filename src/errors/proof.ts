import { CutoverError } from './base.ts';

/** The comparison found rows that are not the same on both sides. */
export class SidesDifferError extends CutoverError {
  readonly code = 'SIDES_DIFFER';
  readonly remedy =
    'Look at the sample in the status; `repair-rows` copies the rows from the side that serves the org.';
  /** @param sample table, key and columns of some of the rows; never a value but the key's */
  constructor(orgId: number, mismatches: number, rows: number, sample: readonly unknown[]) {
    super(`org ${orgId}: ${mismatches} of ${rows} compared rows differ`, {
      details: { orgId, mismatches, rows, sample },
    });
  }
}

/** The cluster has what the task's site has, but another site has other rows. */
export class SitesDifferError extends CutoverError {
  readonly code = 'SITES_DIFFER';
  readonly remedy =
    'Bring the sites into line with each other (`mismatches` shows the rows), then `verify`: nothing of it is repaired here.';
  /** @param sample as in `SidesDifferError`; `otherSite` is the site that is meant by the target */
  constructor(orgId: number, mismatches: number, rows: number, sample: readonly unknown[]) {
    super(`org ${orgId}: the sites differ from each other in ${mismatches} of ${rows} compared rows`, {
      details: { orgId, mismatches, rows, sample },
    });
  }
}

/** No comparison counts for a step that needs one. */
export class VerificationStaleError extends CutoverError {
  readonly code = 'VERIFICATION_STALE';
  readonly remedy =
    'Have the sides compared with `verify`, wait for the result in the status, and give the command again.';
  constructor(orgId: number, why: 'none' | 'different' | 'stale', details: Record<string, unknown>) {
    const words = {
      none: 'the sides have not been compared since the task began or the org changed sides',
      different: 'the last comparison found rows that differ',
      stale: 'the last comparison is older than the policy takes',
    };
    super(`org ${orgId}: ${words[why]}`, { details: { orgId, why, ...details } });
  }
}

/** Rows cannot be repaired now; nothing was changed. */
export class RepairRefusedError extends CutoverError {
  readonly code = 'REPAIR_REFUSED';
  readonly remedy = 'Look at what is in the way, then ask for the repair again.';
  constructor(orgId: number, why: string) {
    super(`org ${orgId}: its rows are not repaired: ${why}`, { details: { orgId, why } });
  }
}
