import type { ClientErrors } from './clientErrors.ts';
import type { Ledger } from './ledger.ts';
import type { Timings } from './timings.ts';

/** Numbers for writes, never used twice, also not by an earlier run on the same databases. */
export class WriteIds {
  /** Rows with a lower number are not this run's. */
  readonly first = Date.now() * 1000;
  #next = this.first;

  next(): number {
    this.#next += 1;
    return this.#next;
  }
}

/** What all clients of a workload share. */
export interface WorkloadContext {
  readonly ids: WriteIds;
  readonly timings: Timings;
  readonly errors: ClientErrors;
  /** Read-your-writes that did not see the client's own last write. */
  staleReads: number;
  /** Aborted when the workload stops. */
  readonly signal: AbortSignal;
  ledger(orgId: number): Ledger;
}
