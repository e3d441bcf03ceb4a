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
  /** Acknowledged writes that every mover has to have after its commit. */
  readonly writesAfterCommit: number;
  /** Clients write so much that some have to wait in every hold. */
  readonly writesWait: boolean;
  /** Takes the movers through; resolves when all have ended. Every status that it sees goes into `stage.seen`. */
  drive(stage: Stage): Promise<void>;
}

/** Acknowledged writes after the commit that the stories of single orgs wait for. */
export const WRITES_AFTER_COMMIT = 1_000;

/** A scenario in which each org goes its own way, all at once. */
export function eachByItself(
  scenario: Omit<Scenario, 'drive' | 'writesAfterCommit' | 'writesWait'>,
  driveOne: (stage: Stage, orgId: number) => Promise<void>,
): Scenario {
  return {
    ...scenario,
    writesAfterCommit: WRITES_AFTER_COMMIT,
    writesWait: true,
    async drive(stage) {
      // Waits for all, so that nothing goes on behind a verdict, then throws the first error.
      const results = await Promise.allSettled([...scenario.movers.keys()].map((orgId) => driveOne(stage, orgId)));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    },
  };
}
