/**
 * What may differ from one move to the next. All durations in milliseconds. Declared here because the machine decides
 * by it; the configuration's schema must satisfy it.
 */
export interface Policy {
  /** `manual` waits in `ready` for an approver; `auto` flips as soon as the gates are passed. */
  readonly approval: 'manual' | 'auto';
  /** `another`: who created or started the move may not approve it. */
  readonly approvedBy: 'another' | 'anyone';
  /** `manual` waits in `soaking` for `complete`; `auto` completes after `soakMs`. */
  readonly completion: 'manual' | 'auto';
  /** Heartbeat lag under which a sample passes. */
  readonly lagGateMs: number;
  /** Samples in a row that have to pass. */
  readonly lagSamples: number;
  /** Budget of one flip from the hold to the last release. */
  readonly flipBudgetMs: number;
  /** Attempts at the flip before the org goes back to `ready` with the reason. */
  readonly flipTries: number;
  /** Wait before the second attempt; doubles up to `flipBackoffMaxMs`. */
  readonly flipBackoffMs: number;
  readonly flipBackoffMaxMs: number;
  /** How often a failed task is deleted and made anew before the operator is asked. */
  readonly replicationTries: number;
  /** How long an org stays under watch on the cluster before it may complete. */
  readonly soakMs: number;
  /** What a verification mismatch after the flip does. */
  readonly onMismatch: 'rollback' | 'alert';
  /** Reverse lag over `reverseLagMs` for `reverseLagForMs` while soaking. */
  readonly onReverseLag: 'rollback' | 'alert';
  readonly reverseLagMs: number;
  readonly reverseLagForMs: number;
  /** Reverse task failed, stopped or gone, or a table of it in error, for `taskFailedForMs` while soaking. */
  readonly onTaskFailed: 'rollback' | 'alert';
  readonly taskFailedForMs: number;
  /** Cluster unreachable, read-only, or slower than `clusterPingMs` to answer a ping, for `unhealthyForMs` while soaking. */
  readonly onUnhealthy: 'rollback' | 'alert';
  readonly unhealthyForMs: number;
  readonly clusterPingMs: number;
  /**
   * Errors of the org's clients at the proxies over `errorRateFactor` times what they were before the flip, and over
   * `errorRateFloorPerMinute`, for `errorRateForMs` while soaking.
   */
  readonly onErrorRate: 'rollback' | 'alert';
  readonly errorRateFactor: number;
  readonly errorRateFloorPerMinute: number;
  readonly errorRateForMs: number;
  /** How often the fingerprint of both sides' tables is asked in `ready`, which a drift stops, and while soaking, where it alerts and keeps `complete` back. */
  readonly schemaCheckMs: number;
  /** How often the live sides are compared in `ready` and while soaking. */
  readonly verifyEveryMs: number;
  /** Age at which a comparison no longer counts for `approve` and `complete`. */
  readonly verificationMaxAgeMs: number;
  /** Time since an org completed before its rows at the source may be purged. */
  readonly purgeAfterMs: number;
}
