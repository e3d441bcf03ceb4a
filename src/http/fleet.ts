import { type FleetService, fleetStatusSchema, proxyStatusSchema } from '../service/fleetStatus.ts';
import { actorOf, roleOfFleetChange } from './auth.ts';
import { commandBody, proxyParams, reasonBody } from './schemas.ts';
import type { App } from './types.ts';

/** The proxies: who counts, and the two changes of that. */
export function fleetRoutes(scope: App, fleet: FleetService): void {
  scope.get(
    '/v1/fleet',
    {
      config: { role: 'viewer' },
      schema: { summary: 'Every proxy, and whether it counts', response: { 200: fleetStatusSchema } },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store');
      return fleet.list();
    },
  );

  scope.post(
    '/v1/fleet/:name/remove',
    {
      config: { role: roleOfFleetChange },
      schema: {
        summary: 'Take out a proxy that is proven dead; answers within two minutes',
        params: proxyParams,
        body: reasonBody,
        response: { 200: proxyStatusSchema },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return fleet.remove(request.params.name, request.body, actorOf(request));
    },
  );

  scope.post(
    '/v1/fleet/:name/add',
    {
      config: { role: roleOfFleetChange },
      schema: {
        summary: 'Give a proxy every route that the members have, prove it, and count it as a member',
        params: proxyParams,
        body: commandBody,
        response: { 200: proxyStatusSchema },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      const reason = request.body?.reason;
      return fleet.add(request.params.name, reason === undefined ? {} : { reason }, actorOf(request));
    },
  );
}
