import { type PurgeChange, type PurgeService, purgeAnswerSchema, purgeChanges } from '../service/purgeAnswer.ts';
import { actorOf, roleOfPurge } from './auth.ts';
import { commandBody, idParams, purgeBody } from './schemas.ts';
import type { App } from './types.ts';

const summaries: Readonly<Record<PurgeChange, string>> = {
  pause: 'Stop behind the chunk that is under way; `resume` goes on there',
  resume: 'Go on with a purge that was paused, or that stopped: everything is asked anew',
  cancel: 'Stop for good behind the chunk that is under way; what is deleted stays so',
};

/** The removal of a completed org's rows at the source. */
export function purgeRoutes(scope: App, purges: PurgeService): void {
  scope.post(
    '/v1/migrations/:id/purge',
    {
      config: { role: roleOfPurge.order },
      schema: {
        summary:
          'Remove the rows of a completed org at the source, in small chunks; a dry run tells what that would be',
        params: idParams,
        body: purgeBody,
        response: { 200: purgeAnswerSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { reason, dryRun } = request.body;
      reply.header('cache-control', 'no-store');
      return dryRun ? purges.plan(id) : purges.order(id, reason, actorOf(request));
    },
  );
  scope.get(
    '/v1/migrations/:id/purge',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'How far the purge of this org is, and what it waits for',
        params: idParams,
        response: { 200: purgeAnswerSchema },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return purges.purge(request.params.id);
    },
  );
  for (const change of purgeChanges) {
    scope.post(
      `/v1/migrations/:id/purge/${change}`,
      {
        config: { role: roleOfPurge[change] },
        schema: {
          summary: summaries[change],
          params: idParams,
          body: commandBody,
          response: { 200: purgeAnswerSchema },
        },
      },
      async (request, reply) => {
        reply.header('cache-control', 'no-store');
        return purges.change(request.params.id, change, request.body?.reason, actorOf(request));
      },
    );
  }
}
