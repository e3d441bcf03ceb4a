import type { MigrationService } from '../service/status.ts';
import { migrationStatusSchema } from '../service/status.ts';
import { actorOf } from './auth.ts';
import { etagOf, sendAnswer } from './etag.ts';
import { createBody, idParams, lagHistory, listQuery, migrationPage } from './schemas.ts';
import type { App } from './types.ts';

/** Create, list and get. */
export function migrationRoutes(scope: App, service: MigrationService): void {
  scope.post(
    '/v1/migrations',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Plan the move of an org; nothing happens before `start`',
        body: createBody,
        response: { 201: migrationStatusSchema },
      },
    },
    async (request, reply) => {
      const { orgId, policy } = request.body;
      const status = await service.create({ orgId, ...(policy && { policy }) }, actorOf(request));
      return reply
        .code(201)
        .header('location', `/v1/migrations/${encodeURIComponent(status.id)}`)
        .header('etag', etagOf(status))
        .send(status);
    },
  );

  scope.get(
    '/v1/migrations',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'List migrations, page by page',
        querystring: listQuery,
        response: { 200: migrationPage },
      },
    },
    async (request, reply) => {
      const { state, homeRegion, orgId, wave, limit, cursor } = request.query;
      const page = await service.listAnswer({
        limit,
        ...(state !== undefined && { state }),
        ...(homeRegion !== undefined && { homeRegion }),
        ...(orgId !== undefined && { orgId }),
        ...(wave !== undefined && { wave }),
        ...(cursor !== undefined && { cursor }),
      });
      return sendAnswer(request, reply, page);
    },
  );

  scope.get(
    '/v1/migrations/:id',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'One migration, with everything known about it',
        params: idParams,
        response: { 200: migrationStatusSchema },
      },
    },
    async (request, reply) => sendAnswer(request, reply, await service.getAnswer(request.params.id)),
  );

  scope.get(
    '/v1/migrations/:id/lag',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Lag of the last hour, from the controller that owns it; another one knows none',
        params: idParams,
        response: { 200: lagHistory },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return { points: await service.lagHistory(request.params.id) };
    },
  );
}
