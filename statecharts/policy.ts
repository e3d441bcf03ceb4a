/**
 * What may differ from one move to the next. All durations in milliseconds. Declared here because the machine decides
 * by it; the configuration's schema must satisfy it.
 */
export interface Policy {
  /** `manual` waits in `ready` for an approver; `auto` flips as soon as the gates are passed. */
  readonly approval: 'manual' | 'auto';
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
  /** Cluster unreachable or read-only for `unhealthyForMs` while soaking. */
  readonly onUnhealthy: 'rollback' | 'alert';
  readonly unhealthyForMs: number;
}
