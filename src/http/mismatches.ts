import type { z } from 'zod';
import { mismatchesSchema } from '../service/mismatches.ts';
import type { MigrationService } from '../service/status.ts';
import { actorOf, assertRole, roleOfValues } from './auth.ts';
import { idParams, mismatchesQuery } from './schemas.ts';
import type { App } from './types.ts';

/** What the last comparison found; values only for who may see them, and never without a trace. */
export function mismatchRoutes(scope: App, service: MigrationService): void {
  scope.get(
    '/v1/migrations/:id/mismatches',
    {
      config: {
        role: 'viewer',
        recorded: (query) => (query as z.output<typeof mismatchesQuery>).values,
      },
      schema: {
        summary: 'Rows that the last comparison found different; their values for an approver who asks for them',
        params: idParams,
        querystring: mismatchesQuery,
        response: { 200: mismatchesSchema },
      },
    },
    async (request, reply) => {
      if (request.query.values) assertRole(actorOf(request).role, roleOfValues);
      reply.header('cache-control', 'no-store');
      return service.mismatches(request.params.id, request.query);
    },
  );
}
