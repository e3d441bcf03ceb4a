import { z } from 'zod';
import { homeRegion } from '../config/values.ts';
import { auditEntrySchema, evacuationSchema, freezeSchema, type OperationsService } from '../service/operations.ts';
import { actorOf, roleOfFreeze, roleOfUnfreeze } from './auth.ts';
import { auditPage, auditQuery, reasonBody } from './schemas.ts';
import type { App } from './types.ts';

/** Freeze, rollback of a whole cluster, audit log. */
export function operationRoutes(scope: App, operations: OperationsService): void {
  scope.get(
    '/v1/freeze',
    {
      config: { role: 'viewer' },
      schema: { summary: 'Whether anything may start or flip', response: { 200: freezeSchema } },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store');
      return operations.freezeStatus();
    },
  );
  scope.post(
    '/v1/freeze',
    {
      config: { role: roleOfFreeze },
      schema: {
        summary: 'No new start and no flip anywhere, from now on; guards and ways back go on',
        body: reasonBody,
        response: { 200: freezeSchema },
      },
    },
    async (request) => operations.freeze(request.body.reason, actorOf(request)),
  );
  scope.post(
    '/v1/unfreeze',
    {
      config: { role: roleOfUnfreeze },
      schema: { summary: 'Starts and flips go on', body: reasonBody, response: { 200: freezeSchema } },
    },
    async () => operations.unfreeze(),
  );
  scope.post(
    '/v1/clusters/:homeRegion/rollback',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Take every org back that the cluster of this home region serves and that has not completed',
        params: z.strictObject({ homeRegion }),
        body: reasonBody,
        response: { 200: evacuationSchema },
      },
    },
    async (request) => operations.evacuate(request.params.homeRegion, request.body.reason, actorOf(request)),
  );
  scope.get(
    '/v1/audit',
    {
      config: { role: 'operator' },
      schema: {
        summary: 'Every command: who, when, from where, what, why, and how it was answered',
        querystring: auditQuery,
        response: { 200: auditPage },
      },
    },
    async (request, reply) => {
      const { after, limit } = request.query;
      const items = await operations.audit(after, limit);
      reply.header('cache-control', 'no-store');
      return { items: z.array(auditEntrySchema).parse(items), nextAfter: items.at(-1)?.seq ?? after };
    },
  );
}
