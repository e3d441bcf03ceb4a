import { z } from 'zod';
import { initialContext, type MigrationContext } from '../../statecharts/context.ts';
import type { Policy } from '../../statecharts/policy.ts';
import { CutoverError, OrgAlreadyMovedError, UnknownOrgError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { MigrationRow, UnreadableRow } from '../ports/store.ts';
import { preflight } from '../preflight/preflight.ts';
import { migrationStatusSchema } from './status.ts';

export const orgSchema = z.object({
  orgId: z.number().int(),
  homeRegion: z.string().nullable().describe('As CoreDB says now; null where it does not say'),
  homeRegionProblem: z
    .object({ code: z.string(), message: z.string() })
    .nullable()
    .describe('Why there is no home region, or none is known'),
  served: z.enum(['source', 'cluster', 'held', 'unknown']),
  cluster: z.string().nullable().describe('Name of the cluster that serves it'),
  since: z.iso.datetime().nullable().describe('Null for an org that has been at the source from the start'),
  migrations: z
    .array(migrationStatusSchema.pick({ id: true, state: true, since: true, createdAt: true, outcome: true }))
    .describe('Newest first; one that has no outcome is under way'),
});
export type OrgStatus = z.infer<typeof orgSchema>;

export const preflightSchema = z.object({
  orgId: z.number().int(),
  homeRegion: z.string(),
  passed: z.boolean().describe('Nothing stands in the way of the move'),
  refusals: z.number().int(),
  warnings: z.number().int(),
  findings: migrationStatusSchema.shape.findings,
  at: z.iso.datetime(),
  tookMs: z.number().int(),
});
export type PreflightReport = z.infer<typeof preflightSchema>;

/** What can be asked of an org, whether or not it has a migration. Throws the errors of `src/errors/`. */
export interface OrgService {
  /** Throws `UnknownOrgError` where neither CoreDB nor the store knows it. */
  org(orgId: number): Promise<OrgStatus>;
  /** Asks what the machine's preflight asks, now, and keeps nothing of it. Who asks of the same org meanwhile gets the same answer. */
  preflight(orgId: number): Promise<PreflightReport>;
}

/** Longest that a question of preflight is waited for when somebody asks by hand (milliseconds). */
const withinMs = 20_000;
/** More migrations than an org ever has. */
const allOfThem = 1_000;

export function createOrgs({ estate, policy }: { estate: Estate; policy: Policy }): OrgService {
  const { store, directory, clusters, clock } = estate;
  const underWay = new Map<number, Promise<PreflightReport>>();

  const look = async (orgId: number): Promise<PreflightReport> => {
    const startedAtMs = clock.monotonicMs();
    const homeRegion = await directory.homeRegion(orgId);
    const migration = contextOf(orgId, homeRegion, policy, await store.list({ orgId, limit: allOfThem }));
    const findings = await preflight(estate, migration, withinMs);
    const refusals = findings.filter(({ severity }) => severity === 'refuse').length;
    return {
      orgId,
      homeRegion,
      passed: refusals === 0,
      refusals,
      warnings: findings.length - refusals,
      findings: findings.map((finding) => ({ ...finding, evidence: { ...finding.evidence } })),
      at: new Date(clock.nowMs()).toISOString(),
      tookMs: Math.round(clock.monotonicMs() - startedAtMs),
    };
  };

  return {
    async org(orgId) {
      const [served, rows, home] = await Promise.all([
        store.servedBy(orgId),
        store.list({ orgId, limit: allOfThem }),
        directory.homeRegion(orgId).catch((error: unknown) => {
          // Where it is served is known all the same.
          if (error instanceof CutoverError) return error;
          throw error;
        }),
      ]);
      if (home instanceof UnknownOrgError && rows.length === 0) throw home;
      const side = served?.side ?? 'source';
      return {
        orgId,
        homeRegion: typeof home === 'string' ? home : null,
        homeRegionProblem: typeof home === 'string' ? null : { code: home.code, message: home.message },
        served: side,
        cluster: side === 'cluster' && served !== null ? (clusters.get(served.homeRegion)?.name ?? null) : null,
        since: served === null ? null : iso(served.sinceMs),
        migrations: rows.toSorted(byAge).map(summaryOf),
      };
    },

    preflight(orgId) {
      const running = underWay.get(orgId);
      if (running !== undefined) return running;
      const begun = look(orgId).finally(() => underWay.delete(orgId));
      underWay.set(orgId, begun);
      return begun;
    },
  };
}

/**
 * The migration that would be asked about: the one that is under way, else one that is made up here and stands nowhere.
 * Throws `OrgAlreadyMovedError`: an org that has moved has its rows at the cluster, and everything would be found wrong.
 */
function contextOf(
  orgId: number,
  homeRegion: string,
  policy: Policy,
  rows: readonly (MigrationRow | UnreadableRow)[],
): MigrationContext {
  const completed = rows.find(({ state }) => state === 'completed');
  if (completed !== undefined) throw new OrgAlreadyMovedError(orgId, completed.id);
  const current = rows.find(({ ended }) => !ended);
  if (current !== undefined && current.journal !== null) return current.journal.context;
  return initialContext({
    migrationId: `preflight-${orgId}`,
    orgId,
    homeRegion,
    policy,
    generationBefore: 0,
    attemptBefore: 0,
  });
}

function byAge(one: { createdAtMs: number; id: string }, other: { createdAtMs: number; id: string }): number {
  return other.createdAtMs - one.createdAtMs || (one.id < other.id ? 1 : -1);
}

function summaryOf({ id, state, sinceMs, createdAtMs, journal }: MigrationRow | UnreadableRow) {
  return { id, state, since: iso(sinceMs), createdAt: iso(createdAtMs), outcome: journal?.context.outcome ?? null };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
