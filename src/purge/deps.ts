import type { Policy } from '../../statecharts/policy.ts';
import type { Estate } from '../estate/estate.ts';
import type { PurgeStore } from '../ports/purge.ts';
import type { Store } from '../ports/store.ts';

/** How gently rows are removed. */
export interface PurgeLimits {
  /** Purges at once, over all controllers. */
  readonly atOnce: number;
  /** Rows of a chunk at most. */
  readonly chunkRows: number;
  /** Rest after a chunk, as a multiple of what it took. */
  readonly restFactor: number;
}

/** What a purge is given. */
export interface PurgeDeps {
  readonly estate: Estate & { readonly store: Store & PurgeStore };
  /** The configuration's, as it is now. */
  readonly policy: Policy;
  readonly limits: PurgeLimits;
  /** Told of rows that are gone. */
  onDeleted(homeRegion: string, rows: number): void;
}
