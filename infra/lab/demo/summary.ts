import type { MigrationStatus } from '../../../src/service/status.ts';
import type { Lab } from '../estate/lab.ts';
import type { Workload, WorkloadCheck } from '../workload/index.ts';
import { disturbedOthers } from './others.ts';
import type { Scenario } from './scenarios/index.ts';
import { clusterSide, type FlipSpan, flipsOf, holdsOf, servedBy } from './served.ts';
import type { Stage } from './stage.ts';

/** The line that other programs read. Its keys are stable. */
export interface Summary {
  readonly proxysql: string;
  readonly cluster: string;
  readonly scenario: string;
  readonly orgs: readonly OrgSummary[];
  readonly writesAcknowledged: number;
  readonly writesPerSecond: number;
  readonly writesStored: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly clientErrors: number;
  readonly wrongSideWrites: number;
  readonly otherOrgsDisturbed: number;
  readonly verifiedRows: number;
  readonly mismatches: number;
  /** What is not as the scenario says; empty where all is. */
  readonly failures: readonly string[];
}

export interface OrgSummary {
  readonly orgId: number;
  readonly outcome: string | null;
  readonly state: string;
  readonly attempts: number;
  /** The longest that a client waited for a write, or a read, around the org's holds (milliseconds). */
  readonly writePauseMs: number;
  readonly readPauseMs: number;
  /** Writes that clients had sent and nobody had answered at a commit, in the flip with the fewest. */
  readonly writesWaiting: number;
  readonly writesAfterCommit: number;
}

type Hold = ReturnType<typeof holdsOf>[number];

/** Around a hold the clients' waits are looked at from a little before to a little after it (milliseconds). */
const aroundMs = 250;

/** Looks at everything once the clients have ended, and holds it against what the scenario promises. */
export async function summarise(
  scenario: Scenario,
  stage: Stage,
  routesBefore: string,
  writesPerSecond: number,
): Promise<Summary> {
  const { lab, workload } = stage;
  const statuses = await Promise.all([...stage.seen.values()].map(({ id }) => stage.api.get(id)));
  const flips = new Map<number, FlipSpan[]>();
  const holds = new Map<number, Hold[]>();
  for (const { id, orgId } of statuses) {
    const events = await stage.api.events(id);
    flips.set(orgId, flipsOf(events));
    holds.set(orgId, holdsOf(events));
  }
  await lab.sites.waitUntilInStep();
  const check = await checkRows(lab, workload, statuses, flips);
  const movers = new Set(scenario.movers.keys());
  const disturbed = await disturbedOthers(lab, workload, movers, routesBefore);
  const orgs = statuses.map((status) =>
    orgSummary(status, workload, flips.get(status.orgId) ?? [], holds.get(status.orgId) ?? []),
  );
  const mismatches =
    check.mismatchedRows + statuses.reduce((sum, { verification }) => sum + (verification?.mismatches ?? 0), 0);
  const figures = {
    proxysql: lab.proxies[0]?.kind ?? 'stand-in',
    cluster: clusterName(lab),
    scenario: scenario.name,
    orgs,
    writesAcknowledged: check.writesAcknowledged,
    writesPerSecond: Math.round(writesPerSecond),
    writesStored: check.writesStored,
    lost: check.lost,
    duplicated: check.duplicated,
    clientErrors: workload.clientErrors,
    wrongSideWrites: check.wrongSideWrites,
    otherOrgsDisturbed: disturbed.length,
    verifiedRows: statuses.reduce((sum, { verification }) => sum + (verification?.rows ?? 0), 0),
    mismatches,
  };
  return { ...figures, failures: failuresOf(scenario, figures, check, workload) };
}

function clusterName(lab: Lab): string {
  const server = lab.clusters[0]?.server;
  return `${server?.flavour === 'mysql' ? 'MySQL' : 'MariaDB'} ${server?.version}`;
}

function checkRows(
  lab: Lab,
  workload: Workload,
  statuses: readonly MigrationStatus[],
  flips: ReadonlyMap<number, FlipSpan[]>,
): Promise<WorkloadCheck> {
  const servedAt = new Map(statuses.map(({ orgId, serving }) => [orgId, serving]));
  const clusterIndex = (orgId: number) => {
    const homeRegion = lab.orgs.find((org) => org.orgId === orgId)?.homeRegion;
    return lab.clusters.findIndex((cluster) => cluster.homeRegion === homeRegion);
  };
  const [site] = lab.sites.sites;
  if (site === undefined) throw new TypeError('the lab has no site');
  return workload.check({
    sideOf: (orgId) =>
      servedAt.get(orgId) === 'cluster' ? (lab.clusters[clusterIndex(orgId)]?.server ?? site.server) : site.server,
    served: lab.orgs.flatMap(({ orgId }) => servedBy(orgId, clusterSide(clusterIndex(orgId)), flips.get(orgId) ?? [])),
  });
}

function orgSummary(
  status: MigrationStatus,
  workload: Workload,
  flips: readonly FlipSpan[],
  holds: readonly Hold[],
): OrgSummary {
  const longest = (kind: 'write' | 'read') =>
    Math.max(
      0,
      ...holds.map(({ fromMs, toMs }) =>
        workload.longestWaitMs(status.orgId, kind, fromMs - aroundMs, toMs + aroundMs),
      ),
    );
  const firstCommit = flips[0]?.committedAtMs;
  return {
    orgId: status.orgId,
    outcome: status.outcome,
    state: status.state,
    attempts: status.attempts.length,
    writePauseMs: Math.round(longest('write') * 10) / 10,
    readPauseMs: Math.round(longest('read') * 10) / 10,
    writesWaiting: Math.min(
      ...flips.map(({ committedAtMs }) => workload.waiting(status.orgId, 'write', committedAtMs)),
    ),
    writesAfterCommit: firstCommit === undefined ? 0 : workload.acknowledgedSince(status.orgId, firstCommit),
  };
}

function failuresOf(
  scenario: Scenario,
  figures: Omit<Summary, 'failures'>,
  check: WorkloadCheck,
  workload: Workload,
): string[] {
  const failures: string[] = [];
  const zero = ['lost', 'duplicated', 'wrongSideWrites', 'otherOrgsDisturbed', 'mismatches'] as const;
  for (const key of zero) if (figures[key] !== 0) failures.push(`${key} is ${figures[key]}`);
  if (!scenario.clientErrorsAllowed && figures.clientErrors > 0) {
    failures.push(`clients got ${figures.clientErrors} errors: ${JSON.stringify(workload.errorSamples.slice(0, 3))}`);
  }
  for (const [orgId, state] of scenario.movers) {
    const org = figures.orgs.find((moved) => moved.orgId === orgId);
    if (org === undefined) {
      failures.push(`org ${orgId} never began to move`);
      continue;
    }
    if (org.state !== state) failures.push(`org ${orgId} ended in ${org.state}, not in ${state}`);
    if (org.writesAfterCommit < scenario.writesAfterCommit) {
      failures.push(
        `org ${orgId} had ${org.writesAfterCommit} writes after its commit, not ${scenario.writesAfterCommit}`,
      );
    }
    if (scenario.writesWait && org.writesWaiting < 1) failures.push(`org ${orgId} had no write waiting in a hold`);
  }
  failures.push(...check.findings.slice(0, 5).map((finding) => JSON.stringify(finding)));
  return failures;
}
