import { z } from 'zod';
import type { Describe } from '../dryRun/adapters.ts';
import { dryRun } from '../dryRun/plan.ts';
import { UnknownMigrationError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';

export const planSchema = z.object({
  id: z.string(),
  orgId: z.number().int(),
  homeRegion: z.string(),
  state: z.string().describe('Where the migration stands; the plan begins there'),
  policy: z.record(z.string(), z.unknown()),
  phases: z
    .array(
      z.object({
        phase: z.string(),
        acts: z.array(
          z.object({
            where: z.string().describe('Name of a site, cluster or proxy, `DMS` with its region, or `store`'),
            what: z.string(),
            details: z.record(z.string(), z.unknown()),
          }),
        ),
        waits: z.array(z.string()).describe('What it waits for, with the policy’s figures'),
      }),
    )
    .describe('In their order, if nothing goes wrong'),
  unknown: z.array(z.string()).describe('What cannot be known yet, and what could not be looked at'),
});
export type Plan = z.infer<typeof planSchema>;

export interface PlanService {
  /** The rest of the move as it would be done now; changes nothing. Throws `UnknownMigrationError`. */
  plan(id: string): Promise<Plan>;
}

export function createPlans(estate: Estate, describe: Describe): PlanService {
  return {
    async plan(id) {
      const row = await estate.store.get(id);
      if (row === null) throw new UnknownMigrationError(id);
      const { orgId, homeRegion, state, epoch, journal } = row;
      const { phases, unknown } = await dryRun(estate, describe, journal.context, { state, epoch });
      return {
        id,
        orgId,
        homeRegion,
        state,
        policy: { ...journal.context.policy },
        phases: phases.map((phase) => ({
          ...phase,
          acts: phase.acts.map((act) => ({ ...act, details: { ...act.details } })),
        })),
        unknown,
      };
    },
  };
}
