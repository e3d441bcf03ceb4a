import { type OrgService, orgSchema, preflightSchema } from '../service/orgs.ts';
import { roleOfPreflight } from './auth.ts';
import { orgParams, preflightBody } from './schemas.ts';
import type { App } from './types.ts';

/** What can be asked of an org, whether or not it moves. */
export function orgRoutes(scope: App, orgs: OrgService): void {
  scope.get(
    '/v1/orgs/:orgId',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'Where an org is served, its home region and its migrations',
        params: orgParams,
        response: { 200: orgSchema },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return orgs.org(request.params.orgId);
    },
  );
  scope.post(
    '/v1/preflight',
    {
      // It asks the databases for seconds: nobody needs it in a loop.
      config: { role: roleOfPreflight, reads: true, rateLimit: { max: 30, timeWindow: 60_000 } },
      schema: {
        summary: 'Everything that stands in the way of an org’s move; changes nothing, answers within half a minute',
        body: preflightBody,
        response: { 200: preflightSchema },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return orgs.preflight(request.body.orgId);
    },
  );
}
