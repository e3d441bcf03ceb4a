import { type PlanService, planSchema } from '../service/plans.ts';
import { idParams } from './schemas.ts';
import type { App } from './types.ts';

/** The dry run of the rest of a move. */
export function planRoutes(scope: App, plans: PlanService): void {
  scope.get(
    '/v1/migrations/:id/plan',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'What the rest of the move would do, and where; changes nothing',
        params: idParams,
        response: { 200: planSchema },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return plans.plan(request.params.id);
    },
  );
}
