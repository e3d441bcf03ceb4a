import { CutoverError } from './base.ts';

/** Rows at the source must not go, or not yet. Nothing was deleted by this order. */
export class PurgeRefusedError extends CutoverError {
  readonly code = 'PURGE_REFUSED';
  readonly remedy =
    'Remove what is named here, or wait for it, then give the order again; `--dry-run` shows what is left.';
  readonly orgId: number;
  readonly refusals: readonly string[];

  constructor(orgId: number, refusals: readonly string[]) {
    super(`the rows of org ${orgId} at the source are not purged: ${refusals.join('; ')}`, {
      details: { orgId, refusals },
    });
    this.orgId = orgId;
    this.refusals = refusals;
  }
}

/** The sites do not have the same rows of the org: a delete that replicates would find nothing there, and stop replication. */
export class PurgeSitesDifferError extends CutoverError {
  readonly code = 'PURGE_SITES_DIFFER';
  readonly remedy =
    'Find out why the sites differ, make them alike without replicating it, then `bigdb-cutover purge resume`.';

  constructor(orgId: number, table: string, difference: string, details: Record<string, unknown> = {}) {
    super(`the sites differ in ${table} of org ${orgId}: ${difference}`, {
      details: { orgId, table, difference, ...details },
    });
  }
}

/** Nobody has ordered a purge of this migration's org. */
export class PurgeUnknownError extends CutoverError {
  readonly code = 'PURGE_UNKNOWN';
  readonly remedy = 'Order one with `bigdb-cutover purge`, first with `--dry-run`.';

  constructor(migrationId: string) {
    super(`no purge has been ordered for migration ${migrationId}`, { details: { migrationId } });
  }
}
