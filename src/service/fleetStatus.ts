import { z } from 'zod';
import { driftKinds } from '../ports/routing.ts';
import type { Actor } from './status.ts';

/** One proxy as the controller that was asked sees it. */
export const proxyStatusSchema = z.object({
  name: z.string(),
  standing: z
    .enum(['member', 'removed', 'notAdmitted'])
    .describe('Only members are held in a flip; the others must not have traffic'),
  since: z.iso.datetime().nullable(),
  by: z.string().nullable().describe('Who changed its standing last; null for a member from the start'),
  reason: z.string().nullable(),
  evidence: z.record(z.string(), z.unknown()).describe('What the last change rests on'),
  configured: z.boolean().describe('False where the configuration of the controller that was asked does not name it'),
  reachable: z.boolean().nullable().describe('Null before the first look'),
  silentSince: z.iso.datetime().nullable(),
  message: z.string().nullable().describe('Why it cannot be reached'),
  version: z.string().nullable(),
  heldOrgs: z
    .array(z.number().int())
    .describe('Orgs whose queries wait there; of a proxy that does not answer, those that this controller waits for'),
  routes: z
    .object({
      source: z.array(z.number().int()),
      held: z.array(z.number().int()).describe('Their writes wait'),
      parked: z.array(z.number().int()).describe('Their reads wait as well'),
      cluster: z.array(z.number().int()),
    })
    .nullable()
    .describe('Orgs that have rules of the controller there, by where these send them; null where it does not answer'),
  sharedOrgs: z
    .number()
    .int()
    .nullable()
    .describe(
      'Orgs among those routed to a cluster that it leads by a route they share; null where no round has seen it',
    ),
  drift: z
    .array(
      z.object({
        kind: z
          .enum(driftKinds)
          .describe(
            '`route`: elsewhere than the journal says; `rules`: not what their comment says; `shared`: a shared route has not whom it should; `published`: what runs is not what was loaded; `saved`: a restart would come back with something else; `sentinel`: fast routing is not safe',
          ),
        orgId: z.number().int().nullable(),
        expected: z.string(),
        found: z.string(),
      }),
    )
    .describe('Where it was not as the journals say at the last two rounds; the first fifty'),
  drifts: z.number().int().describe('How many there are'),
  warning: z.string().nullable(),
});
export type ProxyStatus = z.infer<typeof proxyStatusSchema>;

export const fleetStatusSchema = z.object({
  revision: z.number().int().describe('Grows with every change of the fleet'),
  joining: z.string().nullable().describe('A proxy that is being added; flips wait meanwhile'),
  upkeep: z
    .object({
      at: z.iso.datetime(),
      ownRules: z
        .array(
          z.object({
            reason: z.string(),
            orgs: z.number().int(),
            orgIds: z.array(z.number().int()).describe('The first twenty'),
          }),
        )
        .describe('Completed orgs that keep rules of their own, and why'),
    })
    .nullable()
    .describe('The last round over the proxies, whichever controller made it'),
  proxies: z.array(proxyStatusSchema),
});
export type FleetStatus = z.infer<typeof fleetStatusSchema>;

/** The fleet as the ways in see it. Throws the errors of `src/errors/`. */
export interface FleetService {
  list(): Promise<FleetStatus>;
  /** Takes out a proxy that is proven dead; one that is out already changes nothing. Takes seconds, at most two minutes. */
  remove(name: string, input: { reason: string }, actor: Actor): Promise<ProxyStatus>;
  /** Gives a proxy what the members have, proves it, and makes it a member; a member changes nothing. */
  add(name: string, input: { reason?: string }, actor: Actor): Promise<ProxyStatus>;
}
