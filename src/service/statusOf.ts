import { z } from 'zod';
import { restoreSnapshot } from '../driver/restore.ts';
import type { MigrationRunner } from '../driver/runner.ts';
import type { JournalVersionError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { RouteKeeper } from '../flip/routeKeeper.ts';
import { filesOf } from '../leftBehind/record.ts';
import type { MigrationRow } from '../ports/store.ts';
import { type Note, readNote } from '../proof/notes.ts';
import { ageMs, readVerification, whyNotProven } from '../proof/record.ts';
import {
  type Comparing,
  commandNames,
  type MigrationStatus,
  migrationStatusSchema,
  type OrderName,
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

/** What the dashboard shows of one migration: journal, records, and what only the owner's memory knows. */
export async function assembleStatus(
  estate: Estate,
  keeper: RouteKeeper,
  runner: MigrationRunner | undefined,
  row: MigrationRow,
): Promise<MigrationStatus> {
  const { store, heartbeats, clock } = estate;
  const context = runner?.context ?? row.journal.context;
  const state = runner?.state ?? row.state;
  const [attempts, findings, verification, note, progress] = await Promise.all([
    store.attempts(row.id),
    store.getRecord(row.id, 'findings'),
    readVerification(store, row.id),
    readNote(estate, row.id),
    progressOf(estate, row, state),
  ]);
  const lag = heartbeats.lag(row.orgId);
  const back = context.serving === 'cluster';
  const stragglers = [...keeper.stragglers(row.id).keys()];
  const snapshot = runner === undefined ? restoreSnapshot(row) : null;
  const may = (order: OrderName) => runner?.may(order) ?? snapshot?.can({ type: order }) === true;
  const lossConcerns = context.lossAccepted || context.resumeAt === 'rollingBack';
  return {
    id: row.id,
    orgId: row.orgId,
    homeRegion: row.homeRegion,
    state,
    since: iso(runner?.sinceMs ?? row.sinceMs),
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
      observedAt: lag === null ? null : iso(clock.nowMs() - (clock.monotonicMs() - lag.atMs)),
    },
    attempts: [...attempts],
    verification:
      verification === null
        ? null
        : {
            ...verificationSchema.omit({ ageMs: true, stale: true }).parse(verification),
            ageMs: ageMs(verification, clock.nowMs()),
            stale: whyNotProven(verification, context, clock.nowMs()) === 'stale',
          },
    comparing: note === null ? null : comparingOf(note),
    wayBack: await wayBackOf(estate, state, runner?.sinceMs ?? row.sinceMs, context, may),
    leftBehind: lossConcerns ? await filesOf(estate, row.id) : [],
    findings: findingsSchema.parse(findings ?? []),
    policy: { ...context.policy },
    owner: row.owner,
    epoch: row.epoch,
    version: row.revision,
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

async function progressOf(estate: Estate, row: MigrationRow, state: string): Promise<MigrationStatus['progress']> {
  const [taken, moving] = await Promise.all([
    estate.store.getRecord(row.id, 'snapshot'),
    estate.store.getRecord(row.id, 'progress'),
  ]);
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
  const elapsedMs = estate.clock.nowMs() - row.sinceMs;
  return {
    percent: Math.round(share * 1_000) / 10,
    etaMs: share > 0 && state === 'replicating.fullLoad' ? Math.round((elapsedMs * (1 - share)) / share) : null,
    tables,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
