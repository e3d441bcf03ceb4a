import type { WaveRow, WaveState } from '../ports/waves.ts';
import type { Forecast } from '../waves/forecast.ts';
import type { WavePicture } from '../waves/picture.ts';
import type { Wait } from '../waves/schedule.ts';
import { type OrgView, type Standing, standings } from '../waves/standing.ts';
import { troublesOf } from '../waves/troubles.ts';
import type { WaveCommandName, WaveOrgStatus, WaveStatus } from './waveStatus.ts';

const commandsIn: Readonly<Record<WaveState, readonly WaveCommandName[]>> = {
  planned: ['start', 'cancel'],
  running: ['pause', 'cancel', 'rollback'],
  paused: ['resume', 'cancel', 'rollback'],
  cancelling: ['rollback'],
  rollingBack: [],
  completed: [],
  cancelled: [],
  rolledBack: [],
};
const approvable: ReadonlySet<WaveState> = new Set(['planned', 'running', 'paused']);

/** Commands that the wave takes now. */
export function allowedIn({ state, document }: Pick<WaveRow, 'state' | 'document'>): WaveCommandName[] {
  const mayBeApproved = document.approval === 'manual' && document.approver === null && approvable.has(state);
  return [...commandsIn[state], ...(mayBeApproved ? (['approve'] as const) : [])];
}

const ledTo: Readonly<Record<WaveCommandName, readonly WaveState[]>> = {
  start: ['running'],
  pause: ['paused'],
  resume: ['running'],
  approve: [],
  cancel: ['cancelling', 'cancelled'],
  rollback: ['rollingBack', 'rolledBack'],
};

/** True where the command's effect is there already. */
export function doneBy({ state, document }: Pick<WaveRow, 'state' | 'document'>, command: WaveCommandName): boolean {
  if (command === 'approve') return document.approver !== null && approvable.has(state);
  return ledTo[command].includes(state);
}

const behind: ReadonlySet<Standing> = new Set(['onCluster', 'completed']);

/** What users see of a wave. */
export function assembleWave(wave: WavePicture, waits: readonly Wait[], forecast: Forecast | null): WaveStatus {
  const { document, orgs } = wave;
  const { wentBack, stuck, aborts, longestPause } = troublesOf(orgs, document.seen);
  const byStanding = Map.groupBy(orgs, ({ standing }) => standing);
  const moved = orgs.filter(({ standing }) => behind.has(standing)).length;
  return {
    id: wave.id,
    name: wave.name,
    state: wave.state,
    since: iso(wave.sinceMs),
    createdAt: iso(wave.createdAtMs),
    createdBy: document.creator.name,
    startedBy: document.starter?.name ?? null,
    approval: { needed: document.approval === 'manual', by: document.approver?.name ?? null },
    reason: document.reason,
    allowed: allowedIn(wave),
    waits: waits.map(({ code, message, untilMs }) => ({ code, message, until: isoOrNull(untilMs) })),
    orgs: orgs.length,
    standings: Object.fromEntries(
      standings.map((standing) => [standing, byStanding.get(standing)?.length ?? 0]),
    ) as WaveStatus['standings'],
    troubles: { wentBack: [...wentBack], stuck: [...stuck], aborts, longestPauseMs: longestPause?.ms ?? null },
    progress: {
      moved,
      percent: orgs.length === 0 ? 0 : Math.floor((moved / orgs.length) * 1_000) / 10,
      movedAt: isoOrNull(forecast?.movedMs ?? null),
      endsAt: isoOrNull(forecast?.endsMs ?? null),
    },
    settings: { ...document.settings },
    history: document.history.map(({ atMs, message }) => ({ at: iso(atMs), message })),
    version: wave.revision,
  };
}

/** What an org is in its wave, without its move. */
export function orgInShort({ orgId, position, homeRegion, rows, canary, standing }: OrgView) {
  return { orgId, position, homeRegion, rows, canary, standing };
}

export function assembleOrg(org: OrgView): WaveOrgStatus {
  const { move, goesByItself, refusal } = org;
  return {
    ...orgInShort(org),
    migrationId: move?.migrationId ?? null,
    state: move?.state ?? null,
    since: isoOrNull(move?.sinceMs ?? null),
    letGo: goesByItself,
    aborts: move?.aborts ?? 0,
    longestPauseMs: move?.longestPauseMs ?? null,
    reason: move?.reason ?? null,
    refusal,
  };
}

const iso = (ms: number) => new Date(ms).toISOString();
export const isoOrNull = (ms: number | null) => (ms === null ? null : iso(ms));
