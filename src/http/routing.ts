import { type RoutingService, routingSchema } from '../service/routing.ts';
import { sendAnswer } from './etag.ts';
import type { App } from './types.ts';

/** Which org is served where: for the connection layer, which asks again and again. */
export function routingRoutes(scope: App, routing: RoutingService): void {
  scope.get(
    '/v1/routing',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Which org is served by which cluster; every other one is at the source',
        response: { 200: routingSchema },
      },
    },
    async (request, reply) => sendAnswer(request, reply, await routing.routing()),
  );
}
