import { z } from 'zod';
import type { Estate } from '../estate/estate.ts';
import type { ServedOrg } from '../ports/store.ts';
import { type Answer, answerOf } from './answer.ts';
import { Latest } from './latest.ts';

export const servedOrgSchema = z.object({
  orgId: z.number().int(),
  served: z
    .enum(['cluster', 'held', 'unknown'])
    .describe('`held`: it changes sides right now, and nobody may write it; `unknown`: its journal could not be read'),
  homeRegion: z.string(),
  cluster: z.string().nullable().describe('Name of the cluster that serves it; null unless `served` is `cluster`'),
  migrationId: z.string(),
  since: z.iso.datetime(),
});

/** Which org is served where, for whoever connects to one side or the other. */
export const routingSchema = z.object({
  revision: z.number().int().describe('Grows with every change of any org’s side'),
  otherwise: z.literal('source').describe('Where every org is served that is not listed'),
  orgs: z.array(servedOrgSchema).describe('By OrgID'),
});
export type RoutingManifest = z.infer<typeof routingSchema>;

export interface RoutingService {
  /** The manifest as it stands at this moment. */
  routing(): Promise<Answer>;
}

/** Asks the store for one number, and for the orgs only where that has changed. */
export function createRouting({ store, clusters }: Pick<Estate, 'store' | 'clusters'>): RoutingService {
  let kept: { readonly revision: number; readonly answer: Answer } | null = null;
  const latest = new Latest(async () => {
    if (kept === null || kept.revision !== (await store.routesRevision())) {
      const { revision, orgs } = await store.routes();
      kept = {
        revision,
        answer: answerOf({
          revision,
          otherwise: 'source',
          orgs: orgs.flatMap((org) => listed(org, clusters.get(org.homeRegion)?.name ?? null)),
        } satisfies RoutingManifest),
      };
    }
    return kept.answer;
  });
  return { routing: () => latest.ask() };
}

function listed({ orgId, side, homeRegion, migrationId, sinceMs }: ServedOrg, cluster: string | null) {
  if (side === 'source') return [];
  const since = new Date(sinceMs).toISOString();
  return [{ orgId, served: side, homeRegion, cluster: side === 'cluster' ? cluster : null, migrationId, since }];
}
