import type { WaveMove, WaveOrg } from '../../src/ports/waves.ts';
import type { Situation, WaveView } from '../../src/waves/schedule.ts';
import { settingsSchema } from '../../src/waves/settings.ts';
import { type OrgView, viewOf } from '../../src/waves/standing.ts';

export const nowMs = Date.UTC(2026, 0, 10, 12);

export function orgOf(orgId: number, changes: Partial<WaveOrg> = {}): WaveOrg {
  return {
    orgId,
    position: orgId,
    homeRegion: 'eu-west-2',
    rows: 1_000,
    canary: false,
    askedToStart: false,
    attemptsWhenLetGo: null,
    refusal: null,
    ...changes,
  };
}

export function moveOf(orgId: number, state: string, changes: Partial<WaveMove> = {}): WaveMove {
  return {
    orgId,
    migrationId: `m-${orgId}`,
    state,
    sinceMs: nowMs - 60_000,
    createdAtMs: nowMs - 600_000,
    ended: ['completed', 'rolledBack', 'cancelled'].includes(state),
    side: /^(verifying|soaking|completing|completed|rollingBack)/.test(state) ? 'cluster' : 'source',
    approved: false,
    reason: null,
    decided: null,
    attempts: 0,
    aborts: 0,
    longestPauseMs: null,
    firstAttemptMs: null,
    ...changes,
  };
}

/** An org that nobody has touched. */
export const waiting = (orgId: number, changes: Partial<WaveOrg> = {}): OrgView => viewOf(orgOf(orgId, changes), null);

/** One whose move stands in a state. */
export const at = (orgId: number, state: string, move: Partial<WaveMove> = {}, org: Partial<WaveOrg> = {}): OrgView =>
  viewOf(orgOf(orgId, { askedToStart: true, ...org }), moveOf(orgId, state, move));

export function waveOf(
  orgs: readonly OrgView[],
  {
    id = 'w-1',
    state = 'running',
    settings = {},
    ...document
  }: Partial<WaveView> & Partial<Omit<WaveView['document'], 'settings'>> & { settings?: object } = {},
): WaveView {
  return {
    id,
    state,
    orgs,
    document: { settings: settingsSchema.parse(settings), approval: 'auto', approver: null, seen: {}, ...document },
  };
}

/** Nothing else under way, and room for everything. */
export function situationOf(waves: readonly WaveView[], changes: Partial<Situation> = {}): Situation {
  return {
    nowMs,
    frozen: null,
    limits: { source: 1_000, instance: 1_000, cluster: 1_000, flips: 1_000 },
    instanceOf: (homeRegion) => homeRegion,
    moves: waves.flatMap(({ orgs }) =>
      orgs.flatMap(({ move, homeRegion }) =>
        move === null || move.ended ? [] : [{ state: move.state, homeRegion, moves: 1 }],
      ),
    ),
    waves,
    ...changes,
  };
}
