import { z } from 'zod';
import { name } from '../config/values.ts';
import { deliveryPageSchema, deliveryStates, type WebhookService, webhookListSchema } from '../service/webhooks.ts';
import { idParams, queryInteger } from './schemas.ts';
import type { App } from './types.ts';

const deliveriesQuery = z.strictObject({
  state: z.enum(deliveryStates).optional(),
  migrationId: idParams.shape.id.optional(),
  before: queryInteger(1, Number.MAX_SAFE_INTEGER).optional().describe('Only those older than this one'),
  limit: queryInteger(1, 500, { default: 50 }).default(50),
});

/** Who is told of state changes, and what became of it. */
export function webhookRoutes(scope: App, webhooks: WebhookService): void {
  scope.get(
    '/v1/webhooks',
    {
      config: { role: 'viewer' },
      schema: { summary: 'Every webhook, and what waits for its receiver', response: { 200: webhookListSchema } },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store');
      return webhooks.list();
    },
  );
  scope.get(
    '/v1/webhooks/:name/deliveries',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'What a webhook was told, and what waits; kept for two weeks',
        params: z.strictObject({ name: name.describe('As in the configuration') }),
        querystring: deliveriesQuery,
        response: { 200: deliveryPageSchema },
      },
    },
    async (request, reply) => {
      const { state, migrationId, before, limit } = request.query;
      reply.header('cache-control', 'no-store');
      return webhooks.deliveries({
        hook: request.params.name,
        limit,
        ...(state !== undefined && { state }),
        ...(migrationId !== undefined && { migrationId }),
        ...(before !== undefined && { before }),
      });
    },
  );
}
