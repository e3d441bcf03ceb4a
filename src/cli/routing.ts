import type { RoutingManifest } from '../service/routing.ts';
import type { Api } from './api.ts';
import type { Output } from './output.ts';
import { table } from './text.ts';

/** Writes out which org is served where. */
export async function exportRouting(api: Api, { json }: { json: boolean }, output: Output): Promise<void> {
  const manifest = await api.routing();
  output.out(json ? `${JSON.stringify(manifest)}\n` : routingText(manifest));
}

function routingText({ revision, orgs }: RoutingManifest): string {
  const rest = `revision ${revision}; every ${orgs.length === 0 ? '' : 'other '}org is served by the source\n`;
  if (orgs.length === 0) return rest;
  const rows = orgs.map((org) => [String(org.orgId), org.cluster ?? org.served, org.homeRegion, org.since]);
  return `${table(['ORG', 'SERVED BY', 'HOME REGION', 'SINCE'], rows)}${rest}`;
}
