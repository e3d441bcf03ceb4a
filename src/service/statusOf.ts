import { z } from 'zod';
import type { MigrationContext } from '../../statecharts/context.ts';
import { restoreSnapshot } from '../driver/restore.ts';
import type { MigrationRunner } from '../driver/runner.ts';
import type { JournalVersionError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { RouteKeeper } from '../flip/routeKeeper.ts';
import { filesFrom } from '../leftBehind/record.ts';
import type { MigrationParts, MigrationRow, RecordName } from '../ports/store.ts';
import { type Note, noteFrom } from '../proof/notes.ts';
import { figuresOf, verificationFrom, whyNotProven } from '../proof/record.ts';
import { toldAge } from './ages.ts';
import {
  type Comparing,
  commandNames,
  type MigrationStatus,
  migrationStatusSchema,
  type OrderName,
  purgeStatusSchema,
  verificationSchema,
} from './status.ts';
import { wayBackOf } from './wayBackOf.ts';

const findingsSchema = migrationStatusSchema.shape.findings;
const snapshotRecord = z.object({ counts: z.array(z.object({ table: z.string(), rows: z.number() })) });
const progressRecord = z.object({
  fullLoadPercent: z.number(),
  tables: z.array(z.object({ table: z.string(), state: z.string(), fullLoadRows: z.number() })),
});

/** Phases behind the full load: there is nothing left to load. */
const loaded = new Set([
  'lagCheck',
  'ready',
  'drifted',
  'flipping',
  'verifying',
  'soaking',
  'completing',
  'completed',
  'rollingBack',
]);

/** A status, and how long its ages and times to go are right (epoch milliseconds). */
export interface MadeStatus {
  readonly status: MigrationStatus;
  readonly goodUntilMs: number;
}

/** What the dashboard shows of one migration: journal, records, and what only the owner's memory knows. */
export function assembleStatus(
  estate: Pick<Estate, 'heartbeats' | 'clock'>,
  keeper: Pick<RouteKeeper, 'stragglers'>,
  runner: MigrationRunner | undefined,
  row: MigrationRow,
  { attempts, records }: MigrationParts,
): MadeStatus {
  const { heartbeats, clock } = estate;
  const nowMs = clock.nowMs();
  const context = runner?.context ?? row.journal.context;
  const state = runner?.state ?? row.state;
  const record = (name: RecordName) => records.get(name) ?? null;
  const note = noteFrom(record('comparison'));
  const lag = heartbeats.lag(row.orgId);
  const back = context.serving === 'cluster';
  const stragglers = [...keeper.stragglers(row.id).keys()];
  const snapshot = runner === undefined ? restoreSnapshot(row) : null;
  const may = (order: OrderName) => runner?.may(order) ?? snapshot?.can({ type: order }) === true;
  const lossConcerns = context.lossAccepted || context.resumeAt === 'rollingBack';
  const sinceMs = runner?.sinceMs ?? row.sinceMs;
  const progress = progressOf(record, row.sinceMs, state, nowMs);
  const verification = verificationOf(record('verification'), context, nowMs);
  const wayBack = wayBackOf(record('wayBack'), { state, sinceMs, nowMs }, context, may);
  const status: MigrationStatus = {
    id: row.id,
    orgId: row.orgId,
    wave: row.waveId,
    homeRegion: row.homeRegion,
    state,
    since: iso(sinceMs),
    createdAt: iso(row.createdAtMs),
    outcome: context.outcome,
    serving: context.serving,
    waitsFor:
      stragglers.length > 0
        ? `${stragglers.join(', ')} to answer, or to be removed from the fleet: held there, if it was held`
        : (runner?.waitsFor ?? (state === 'ready' ? 'the approval' : null)),
    notice: runner?.notice ?? null,
    reason: context.reason === null ? null : { ...context.reason },
    allowed: commandNames.filter(may),
    pauseRequested: context.pauseRequested,
    progress,
    lag: {
      forwardMs: lag === null || back ? null : Math.round(lag.lagMs),
      reverseMs: lag === null || !back ? null : Math.round(lag.lagMs),
      observedAt: lag === null ? null : iso(nowMs - (clock.monotonicMs() - lag.atMs)),
    },
    attempts: [...attempts],
    verification: verification.shown,
    comparing: note === null ? null : comparingOf(note),
    purge: purgeStatusSchema.nullable().parse(record('purge')),
    wayBack: wayBack.shown,
    leftBehind: lossConcerns ? filesFrom(record('leftBehind')) : [],
    findings: findingsSchema.parse(record('findings') ?? []),
    policy: { ...context.policy },
    owner: row.owner,
    epoch: row.epoch,
    version: row.revision,
  };
  // Where nothing is left to load no time passes.
  const etaUntilMs = progress.etaMs ? nowMs + etaEveryMs : Number.POSITIVE_INFINITY;
  return { status, goodUntilMs: Math.min(verification.untilMs, wayBack.untilMs, etaUntilMs) };
}

/** How often a time to go is told anew (milliseconds). */
const etaEveryMs = 1_000;

/** The last comparison with its age, and until when it is told so. */
function verificationOf(
  record: unknown,
  context: MigrationContext,
  nowMs: number,
): { shown: MigrationStatus['verification']; untilMs: number } {
  const verification = verificationFrom(record);
  if (verification === null) return { shown: null, untilMs: Number.POSITIVE_INFINITY };
  const atMs = Date.parse(verification.at);
  const { ageMs, untilMs } = toldAge(atMs, nowMs);
  // From the moment behind it the comparison does not count any more.
  const staleFromMs = atMs + figuresOf(context.policy).verificationMaxAgeMs + 1;
  return {
    shown: {
      ...verificationSchema.omit({ ageMs: true, stale: true }).parse(verification),
      ageMs,
      stale: whyNotProven(verification, context, nowMs) === 'stale',
    },
    untilMs: nowMs < staleFromMs ? Math.min(untilMs, staleFromMs) : untilMs,
  };
}

/** What is known of a migration whose journal is not read here: what stands beside it, and why. Nothing is guessed. */
export function unreadableStatus(
  row: Omit<MigrationRow, 'journal'>,
  { code, message, remedy, details }: JournalVersionError,
): MigrationStatus {
  return {
    id: row.id,
    orgId: row.orgId,
    wave: row.waveId,
    homeRegion: row.homeRegion,
    state: row.state,
    since: iso(row.sinceMs),
    createdAt: iso(row.createdAtMs),
    outcome: null,
    serving: 'unknown',
    waitsFor: 'a controller that can read its journal',
    notice: null,
    reason: { code, message, remedy, details: { ...details } },
    allowed: [],
    pauseRequested: false,
    progress: { percent: 0, etaMs: null, tables: [] },
    lag: { forwardMs: null, reverseMs: null, observedAt: null },
    attempts: [],
    verification: null,
    wayBack: null,
    leftBehind: [],
    comparing: null,
    purge: null,
    findings: [],
    policy: {},
    owner: row.owner,
    epoch: row.epoch,
    version: row.revision,
  };
}

function comparingOf({ kind, startedAt, progress }: Note): Comparing {
  return {
    kind,
    startedAt,
    table: progress?.table ?? null,
    rows: progress?.rows ?? 0,
    rowsExpected: progress?.rowsExpected ?? null,
    mismatches: progress?.mismatches ?? 0,
    etaMs: progress?.etaMs ?? null,
  };
}

function progressOf(
  record: (name: RecordName) => unknown,
  sinceMs: number,
  state: string,
  nowMs: number,
): MigrationStatus['progress'] {
  const [taken, moving] = [record('snapshot'), record('progress')];
  const expected = new Map(
    snapshotRecord
      .nullable()
      .parse(taken)
      ?.counts.map(({ table, rows }) => [table, rows]),
  );
  const progress = progressRecord.nullable().parse(moving);
  const tables = (progress?.tables ?? []).map(({ table, state: tableState, fullLoadRows }) => ({
    table,
    state: tableState,
    rowsExpected: expected.get(table) ?? null,
    rowsLoaded: fullLoadRows,
  }));
  const phase = state.split('.')[0] ?? state;
  if (loaded.has(phase)) return { percent: 100, etaMs: 0, tables };
  const rowsExpected = [...expected.values()].reduce((sum, rows) => sum + rows, 0);
  const rowsLoaded = tables.reduce((sum, table) => sum + table.rowsLoaded, 0);
  const share = rowsExpected === 0 ? 0 : Math.min(1, rowsLoaded / rowsExpected);
  const elapsedMs = nowMs - sinceMs;
  return {
    percent: Math.round(share * 1_000) / 10,
    etaMs: share > 0 && state === 'replicating.fullLoad' ? Math.round((elapsedMs * (1 - share)) / share) : null,
    tables,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
