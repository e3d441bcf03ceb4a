import { CutoverError } from './base.ts';

/** Something is not as a flip needs it; nothing was held. */
export class FlipNotReadyError extends CutoverError {
  readonly code = 'FLIP_NOT_READY';
  readonly remedy = 'Put right what the message names; the flip is tried again by itself.';
}

/** Heartbeats travel too slowly for the budget. */
export class TravelTooSlowError extends CutoverError {
  readonly code = 'TRAVEL_TOO_SLOW';
  readonly remedy = 'Look at the task and at replication between the sites, or raise the flip’s budget.';
  constructor(orgId: number, travelMs: number | null, budgetMs: number) {
    super(
      travelMs === null
        ? `org ${orgId}: no heartbeat has arrived on the other side`
        : `org ${orgId}: heartbeats take ${Math.round(travelMs)} ms (p95), too long for a budget of ${budgetMs} ms`,
      { details: { orgId, travelMs, budgetMs } },
    );
  }
}

/** The org's home region in CoreDB is not the one that it is being moved to. */
export class HomeRegionChangedError extends CutoverError {
  readonly code = 'HOME_REGION_CHANGED';
  readonly remedy = 'Cancel the move and create a new one to the new home region; nothing more was written.';
  constructor(orgId: number, was: string, found: string) {
    super(`org ${orgId}: the home region is ${found} now; the move is to ${was}`, { details: { orgId, was, found } });
  }
}

/** A proxy would send the org's statements to a server that is not of its home region's cluster. */
export class DestinationForeignError extends CutoverError {
  readonly code = 'DESTINATION_FOREIGN';
  readonly remedy =
    'Take the server out of the cluster’s hostgroups at that proxy, or see why it does not say that it is the cluster’s; the flip is tried again by itself.';
  constructor(proxy: string, server: string, cluster: string, found: string) {
    super(`proxy ${proxy} has ${server} in the hostgroups of ${cluster}, and there is ${found}`, {
      details: { proxy, server, cluster, found },
    });
  }
}

/** The two sides' tables differ in shape. */
export class ShapesDifferError extends CutoverError {
  readonly code = 'SHAPES_DIFFER';
  readonly remedy = 'Bring the tables named in the details to the same shape on both sides, then retry.';
  constructor(differences: readonly string[]) {
    super(`the sides' tables differ: ${differences.join('; ')}`, { details: { differences } });
  }
}

/** The org-owned tables are no longer what was recorded, or accepted since; nothing goes on over that. */
export class SchemaDriftError extends CutoverError {
  readonly code = 'SCHEMA_DRIFT';
  readonly remedy =
    'Make the same change at the sites and at the cluster, then `bigdb-cutover schema accept`; what stopped goes on by itself.';
  /** @param changes since the accepted fingerprint @param differences between the sides now */
  constructor(changes: readonly string[], differences: readonly string[]) {
    super(`the schema has changed: ${[...new Set([...changes, ...differences])].join('; ')}`, {
      details: { changes, differences },
    });
  }
}

/** The target holds rows of the org that no task of this migration wrote. */
export class TargetNotEmptyError extends CutoverError {
  readonly code = 'TARGET_NOT_EMPTY';
  readonly remedy = 'Find out who wrote the org’s rows at the cluster and remove them, then retry.';
  constructor(orgId: number, cluster: string, tables: readonly { table: string; rows: number }[]) {
    super(`${cluster} already holds rows of org ${orgId}: ${tables.map((t) => `${t.table} ${t.rows}`).join(', ')}`, {
      details: { orgId, cluster, tables },
    });
  }
}

/** Which guard of an org on the cluster tripped. */
export type GuardCode =
  | 'REVERSE_LAG'
  | 'CLUSTER_UNHEALTHY'
  | 'REVERSE_TASK_FAILED'
  | 'ERROR_RATE_HIGH'
  | 'CLUSTER_ERROR_RATE_HIGH';

/** The org must not stay on the cluster; the samples that decided are in the details. */
export class GuardTrippedError extends CutoverError {
  readonly code: string;
  readonly remedy = 'None needed: the org goes back by itself; read the samples for the cause.';
  constructor(code: GuardCode, message: string, samples: readonly unknown[]) {
    super(message, { details: { samples } });
    this.code = code;
  }
}

/** Nothing shows that writes made at the cluster would arrive at the sites; nothing was held. */
export class ReturnPathUnprovenError extends CutoverError {
  readonly code = 'RETURN_PATH_UNPROVEN';
  readonly remedy =
    'Look at the reverse task of org 0 in the home region, its endpoints and the replication between the sites; the flip is tried again by itself.';
  constructor(homeRegion: string, why: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(`the way back from ${homeRegion} is not proven: ${why}`, {
      cause: options.cause,
      details: { homeRegion, why, ...options.details },
    });
  }
}

/** The heartbeat lag is over the gate. */
export class LagBreachedError extends CutoverError {
  readonly code = 'LAG_OVER_GATE';
  readonly remedy = 'None needed: the check begins again and waits until the lag is under the gate.';
  constructor(orgId: number, lagMs: number, gateMs: number) {
    super(`org ${orgId}: the lag of ${Math.round(lagMs)} ms is over the gate of ${gateMs} ms`, {
      details: { orgId, lagMs, gateMs },
    });
  }
}
