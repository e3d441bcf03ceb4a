import type { MigrationContext } from '../../statecharts/context.ts';
import { type Logger, logOf } from '../driver/logger.ts';
import type { SideViews } from '../estate/compareSides.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import type { BinlogPosition, FenceWriter, Place } from '../ports/place.ts';
import type { OpenTransactions, RouteOwner, Side } from '../ports/routing.ts';
import type { AttemptReport } from '../ports/store.ts';

/** One attempt at the flip, as its steps share it; it dies with its owner. */
export interface FlipAttempt {
  readonly migrationId: string;
  readonly owner: RouteOwner;
  readonly direction: 'forward' | 'back';
  /** Side that serves until the commit, and side that serves after it. */
  readonly serving: Side;
  readonly next: Side;
  readonly holdHostgroup: number;
  /** The fleet that was prepared; null before. A commit stands only on this one. */
  fleetRevision: number | null;
  /** Comment that each proxy's rules have, by the proxy's name. */
  readonly comments: Map<string, string>;
  /** By the proxy's name: transactions that were open when all proxies had acknowledged the hold, and still are. */
  readonly openSinceHold: Map<string, OpenTransactions>;
  readonly phases: { phase: string; ms: number; ok: boolean }[];
  readonly budgetMs: number;
  /** Monotonic milliseconds. */
  heldAtMs: number | null;
  parkedAtMs: number | null;
  releasedAtMs: number | null;
  /** The serving side's fence was asked to close, and the other side's to let nobody in. */
  fenceTouched: boolean;
  /** Pinned while nothing of the org moved. */
  views: SideViews | null;
  pinned: BinlogPosition | null;
  /** From here on only the store knows what was decided. */
  commitSent: boolean;
}

/** The places of a flip: `from` served until now, `to` serves after it. `taskWriter` writes at `to` until the commit. */
export interface FlipPlaces {
  readonly from: readonly Place[];
  readonly to: readonly Place[];
  readonly taskWriter: FenceWriter;
}

/** Forward: from every site to the org's cluster. Back: from the cluster to every site. */
export function placesOf(estate: Estate, direction: 'forward' | 'back', homeRegion: string): FlipPlaces {
  const cluster = clusterOf(estate, homeRegion);
  return direction === 'forward'
    ? { from: estate.sites, to: [cluster], taskWriter: 'forward' }
    : { from: [cluster], to: estate.sites, taskWriter: 'reverse' };
}

export function newAttempt(migration: MigrationContext, owner: RouteOwner, holdHostgroup: number): FlipAttempt {
  const forward = migration.direction === 'forward';
  return {
    migrationId: migration.migrationId,
    owner,
    direction: migration.direction,
    serving: forward ? 'source' : 'cluster',
    next: forward ? 'cluster' : 'source',
    holdHostgroup,
    fleetRevision: null,
    comments: new Map(),
    openSinceHold: new Map(),
    phases: [],
    budgetMs: migration.policy.flipBudgetMs,
    heldAtMs: null,
    parkedAtMs: null,
    releasedAtMs: null,
    fenceTouched: false,
    views: null,
    pinned: null,
    commitSent: false,
  };
}

/** Milliseconds of the budget that are left; the whole before the hold. */
export function budgetLeftMs(attempt: FlipAttempt, nowMs: number): number {
  return attempt.heldAtMs === null ? attempt.budgetMs : Math.max(0, attempt.budgetMs - (nowMs - attempt.heldAtMs));
}

/** For lines about the attempt. */
export function attemptLog(estate: Pick<Estate, 'logger'>, { migrationId, owner }: FlipAttempt): Logger {
  return logOf(estate.logger, { migrationId, ...owner });
}

/** Runs one step and keeps its time, whether it succeeds or fails. */
export async function timed<T>(
  estate: Estate,
  attempt: FlipAttempt,
  phase: string,
  work: () => Promise<T>,
): Promise<T> {
  const startedAtMs = estate.clock.monotonicMs();
  let ok = false;
  try {
    const result = await work();
    ok = true;
    return result;
  } finally {
    attempt.phases.push({ phase, ms: round(estate.clock.monotonicMs() - startedAtMs), ok });
  }
}

/** What the attempt leaves for its readers. The pause lasts from the first hold to the last release. */
function reportOf(attempt: FlipAttempt, endedAtMs: number, reason: AttemptReport['reason']): AttemptReport {
  const { heldAtMs, parkedAtMs, releasedAtMs } = attempt;
  return {
    phases: attempt.phases,
    writePauseMs: heldAtMs === null || releasedAtMs === null ? null : round(releasedAtMs - heldAtMs),
    readPauseMs: parkedAtMs === null || releasedAtMs === null ? null : round(releasedAtMs - parkedAtMs),
    endedAtMs,
    reason,
  };
}

/** Closes the views, if there are any: a view left open blocks schema changes. */
export async function dropViews(attempt: FlipAttempt): Promise<void> {
  const views = attempt.views;
  attempt.views = null;
  if (views === null) return;
  await Promise.all([...views.source, ...views.cluster].map((view) => view.close()));
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** Stores what the attempt measured. The org does not wait for it: a store that does not answer costs the report only. */
export async function storeReport(
  estate: Estate,
  attempt: FlipAttempt,
  reason: AttemptReport['reason'],
): Promise<void> {
  const report = reportOf(attempt, estate.clock.nowMs(), reason);
  try {
    await estate.store.reportAttempt(attempt.migrationId, attempt.owner.attempt, report);
  } catch (error) {
    attemptLog(estate, attempt).warn({ err: error }, 'the report of an attempt could not be stored');
  }
}
