import type { LabOptions } from '../../estate/lab.ts';
import type { WorkloadOptions } from '../../workload/index.ts';
import type { Stage } from '../stage.ts';

/** One story that the demo tells, and what has to come out of it. */
export interface Scenario {
  readonly name: string;
  /** One line for a reader. */
  readonly about: string;
  readonly lab?: LabOptions;
  readonly workload?: Partial<WorkloadOptions>;
  /** Orgs that move, and the state in which each has to end. */
  readonly movers: ReadonlyMap<number, 'completed' | 'rolledBack'>;
  /** Errors that clients may get without the scenario having failed. */
  readonly clientErrorsAllowed?: boolean;
  /** Takes one org through; resolves when it has ended. */
  drive(stage: Stage, orgId: number): Promise<void>;
}

/** Acknowledged writes that every mover has to have after its commit. */
export const WRITES_AFTER_COMMIT = 1_000;
