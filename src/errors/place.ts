import { CutoverError } from './base.ts';

/** A site or cluster did not answer as it should. */
export class PlaceError extends CutoverError {
  readonly code = 'PLACE_UNAVAILABLE';
  readonly remedy =
    'Check that the database is reachable with the configured account; the step is tried again by itself.';
  readonly transient = true;
  readonly place: string;

  constructor(place: string, action: string, cause: unknown) {
    super(`${place}: ${action} failed: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
      details: { place, action },
    });
    this.place = place;
  }
}

/** A newer owner has changed the fence or the route; whoever gets this has lost the org. */
export class StaleEpochError extends CutoverError {
  readonly code = 'EPOCH_STALE';
  readonly remedy = 'None needed: a newer owner has taken over the org, and this controller lets go of it.';
  readonly where: string;
  readonly orgId: number;
  readonly epoch: number;

  constructor(where: string, orgId: number, epoch: number) {
    super(`${where}: org ${orgId} belongs to a newer epoch than ${epoch}`, { details: { where, orgId, epoch } });
    this.where = where;
    this.orgId = orgId;
    this.epoch = epoch;
  }
}

/** The fence did not close in time: somebody's transaction that wrote the org is still open. */
export class FenceTimeoutError extends CutoverError {
  readonly code = 'FENCE_TIMEOUT';
  readonly remedy = 'Find and end the long transaction that wrote this org at the named place, then retry.';
  readonly place: string;
  readonly orgId: number;
  readonly timeoutMs: number;
  readonly blockers: readonly Readonly<Record<string, unknown>>[];

  constructor(place: string, orgId: number, timeoutMs: number, blockers: readonly Readonly<Record<string, unknown>>[]) {
    super(`${place}: the fence of org ${orgId} waited longer than ${timeoutMs} ms for an open transaction`, {
      details: { place, orgId, timeoutMs, blockers },
    });
    this.place = place;
    this.orgId = orgId;
    this.timeoutMs = timeoutMs;
    this.blockers = blockers;
  }
}

/** The org has no fence row at the place. */
export class FenceRowMissingError extends CutoverError {
  readonly code = 'FENCE_ROW_MISSING';
  readonly remedy = 'Run `bigdb-cutover fence install`, which makes a row for every org.';
  readonly place: string;
  readonly orgId: number;

  constructor(place: string, orgId: number) {
    super(`${place}: org ${orgId} has no fence row`, { details: { place, orgId } });
    this.place = place;
    this.orgId = orgId;
  }
}

/** The connection that is to write answers as another place than the configuration says. */
export class WrongPlaceError extends CutoverError {
  readonly code = 'PLACE_IDENTITY_MISMATCH';
  readonly remedy = 'Compare the configured host with the place’s identity row; nothing was written.';
  readonly place: string;
  readonly found: string;

  constructor(place: string, found: string) {
    super(`${place}: the database says that it is ${found}`, { details: { place, found } });
    this.place = place;
    this.found = found;
  }
}

/** A read view did not hold still. */
export class ViewNotPinnedError extends CutoverError {
  readonly code = 'VIEW_NOT_PINNED';
  readonly remedy =
    'Check transaction isolation at the place; the comparison of the live sides takes the proof’s place.';
  readonly place: string;

  constructor(place: string) {
    super(`${place}: a consistent snapshot could not be pinned`, { details: { place } });
    this.place = place;
  }
}

/** The place answers and says no: a missing grant, table or column, or a reply that cannot be understood. */
export class PlaceRefusedError extends CutoverError {
  readonly code = 'PLACE_REFUSED';
  readonly remedy =
    'Check the account’s grants at the place and that `bigdb-cutover fence install` has run, then retry.';
  readonly place: string;

  constructor(place: string, action: string, cause: unknown) {
    super(`${place}: ${action} was refused: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
      details: { place, action },
    });
    this.place = place;
  }
}

/** A lock request could not be ended, so that the fence may still change after the call. */
export class FenceUncertainError extends CutoverError {
  readonly code = 'FENCE_UNCERTAIN';
  readonly remedy =
    'Read the fence after the time named, or end the named thread by hand; the step is tried again by itself.';
  readonly transient = true;
  readonly place: string;
  readonly orgId: number;
  /** Server thread that may still wait for the lock. */
  readonly threadId: number;
  /** Time after which the server itself has ended the request, seconds. */
  readonly settledAfterSeconds: number;

  constructor(place: string, orgId: number, threadId: number, settledAfterSeconds: number, cause: unknown) {
    super(`${place}: the fence of org ${orgId} may still change: thread ${threadId} could not be ended`, {
      cause,
      details: { place, orgId, threadId, settledAfterSeconds },
    });
    this.place = place;
    this.orgId = orgId;
    this.threadId = threadId;
    this.settledAfterSeconds = settledAfterSeconds;
  }
}

/** The org has no heartbeat row of its own at the place. */
export class HeartbeatRowMissingError extends CutoverError {
  readonly code = 'HEARTBEAT_ROW_MISSING';
  readonly remedy = 'Run `bigdb-cutover fence install`, which makes the heartbeat rows of every org.';
  readonly place: string;
  readonly orgId: number;

  constructor(place: string, orgId: number) {
    super(`${place}: org ${orgId} has no heartbeat row`, { details: { place, orgId } });
    this.place = place;
    this.orgId = orgId;
  }
}

/** A read view was given up before its work was done. */
export class ViewLostError extends CutoverError {
  readonly code = 'VIEW_LOST';
  readonly remedy = 'None needed: the comparison of the live sides takes the proof’s place.';
  readonly place: string;

  constructor(place: string, reason: string, cause?: unknown) {
    super(`${place}: a read view was lost: ${reason}`, { cause, details: { place, reason } });
    this.place = place;
  }
}

/** What is wrong with one table. */
export interface FenceTableFault {
  readonly place: string;
  readonly table: string;
  readonly fault: string;
}

/** Tables that cannot be fenced; nothing was changed anywhere. */
export class FenceTablesUnfitError extends CutoverError {
  readonly code = 'FENCE_TABLES_UNFIT';
  readonly remedy = 'Create the missing tables or correct the catalogue of org-owned tables, then install again.';
  readonly faults: readonly FenceTableFault[];

  constructor(faults: readonly FenceTableFault[]) {
    const list = faults.map(({ place, table, fault }) => `${place} ${table} ${fault}`).join('; ');
    super(`${faults.length} table(s) cannot be fenced: ${list}`, { details: { faults } });
    this.faults = faults;
  }
}

/** A trigger could not be made or dropped because long transactions kept the table's metadata lock. */
export class FenceInstallBlockedError extends CutoverError {
  readonly code = 'FENCE_INSTALL_BLOCKED';
  readonly remedy =
    'End the long transaction on the named table or choose a quieter hour, then run the command again: it resumes.';
  readonly place: string;
  readonly statement: string;
  readonly attempts: number;

  constructor(place: string, statement: string, attempts: number, cause: unknown) {
    super(`${place}: gave up after ${attempts} attempts to get the table’s lock: ${statement}`, {
      cause,
      details: { place, statement, attempts },
    });
    this.place = place;
    this.statement = statement;
    this.attempts = attempts;
  }
}

/** What was installed at one site has not arrived at another one. */
export class FenceNotReplicatedError extends CutoverError {
  readonly code = 'FENCE_NOT_REPLICATED';
  readonly remedy = 'Check the replication between the sites, then run the command again: it resumes.';
  readonly site: string;
  readonly missing: string;
  readonly waitedMs: number;

  constructor(site: string, missing: string, waitedMs: number) {
    super(`${site}: waited ${waitedMs} ms in vain for ${missing} to replicate`, {
      details: { site, missing, waitedMs },
    });
    this.site = site;
    this.missing = missing;
    this.waitedMs = waitedMs;
  }
}

/** The fence is what keeps an org from being written on two sides; it must not go while it does. */
export class FenceInUseError extends CutoverError {
  readonly code = 'FENCE_IN_USE';
  readonly remedy =
    'Bring the orgs named back to the sites first; the fence of an org that lives at a cluster has to stay.';
  readonly rows: readonly Readonly<Record<string, unknown>>[];

  constructor(rows: readonly Readonly<Record<string, unknown>>[]) {
    super(`${rows.length} fence row(s) are not as before a move; nothing was removed`, { details: { rows } });
    this.rows = rows;
  }
}
