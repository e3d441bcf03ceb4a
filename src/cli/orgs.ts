import type { OrgStatus, PreflightReport } from '../service/orgs.ts';
import type { Api } from './api.ts';
import { type ExitCode, exitCodes } from './exitCodes.ts';
import type { Output } from './output.ts';
import { table } from './text.ts';

/** Asks what stands in the way of an org's move. Ends with 1 where something does. */
export async function preflight(
  api: Api,
  { orgId, json }: { orgId: number; json: boolean },
  output: Output,
): Promise<ExitCode> {
  const report = await api.preflight(orgId);
  output.out(json ? `${JSON.stringify(report)}\n` : preflightText(report));
  return report.passed ? exitCodes.ok : exitCodes.failed;
}

/** Shows where an org is served, and its migrations. */
export async function org(api: Api, { orgId, json }: { orgId: number; json: boolean }, output: Output): Promise<void> {
  const found = await api.org(orgId);
  output.out(json ? `${JSON.stringify(found)}\n` : orgText(found));
}

function preflightText({ orgId, homeRegion, findings, refusals, warnings, tookMs }: PreflightReport): string {
  const order = { refuse: 0, warn: 1 };
  return [
    ...findings
      .toSorted((one, other) => order[one.severity] - order[other.severity])
      .map(
        ({ code, severity, message, remedy, evidence }) =>
          `${severity.padEnd(7)} ${code}: ${message}\n        ${remedy}\n        ${JSON.stringify(evidence)}\n`,
      ),
    `org ${orgId} to ${homeRegion}: ${refusals} refused, ${warnings} warned of, in ${tookMs} ms\n`,
  ].join('');
}

function orgText({ orgId, homeRegion, homeRegionProblem, served, cluster, since, migrations }: OrgStatus): string {
  const home = homeRegion ?? `unknown (${homeRegionProblem?.code}: ${homeRegionProblem?.message})`;
  const rows = migrations.map((each) => [each.id, each.state, each.since, each.outcome ?? '']);
  return [
    `org           ${orgId}\n`,
    `home region   ${home}\n`,
    `served by     ${cluster ?? served}${since === null ? '' : ` since ${since}`}\n`,
    ...(rows.length === 0 ? [] : ['\n', table(['MIGRATION', 'STATE', 'SINCE', 'OUTCOME'], rows)]),
  ].join('');
}
