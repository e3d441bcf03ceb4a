import { initialTransition } from 'xstate';
import { openPool, type StoreConfig } from '../../src/adapters/store/connection.ts';
import { createStore } from '../../src/adapters/store/store.ts';
import { policySchema } from '../../src/config/index.ts';
import { journalVersion, migrationMachine } from '../../statecharts/machine.ts';

const homeRegions = ['eu-west-2', 'us-east-1'] as const;
const rowsAtOnce = 500;
const startedAtMs = Date.UTC(2026, 0, 5);
const tables = ['CallLogs', 'CdrTasks', 'RecordingMetadata', 'ApplicationBlob', 'CompositeUsage'];

/** Id of the n-th migration, in the form that the controller gives. */
export function idOf(n: number): string {
  return `m-${(startedAtMs + n).toString(36).padStart(9, '0')}-${n.toString(16).padStart(8, '0')}`;
}

/** What is in the store. */
export interface Filling {
  /** That have moved, each with what a move leaves: an attempt, counts, a comparison. */
  readonly moved: number;
  /** That wait for their start. */
  readonly planned: number;
}

/** Makes a store in an empty schema, and its migrations. */
export async function fillStore(config: StoreConfig, { moved, planned }: Filling, signal: AbortSignal): Promise<void> {
  const store = createStore(config);
  await store.migrate();
  await store.close();
  const pool = openPool(config);
  const connection = await pool.getConnection();
  try {
    const insertMigrations = (numbers: readonly number[], rowOf: (n: number) => unknown[]) =>
      connection.query(
        `INSERT INTO migrations (id, org_id, active_org_id, home_region, state, since_ms, created_at_ms, journal,
           revision, epoch, owner, next_seq) VALUES ?`,
        [numbers.map(rowOf)],
      );
    for (let from = 0; from < moved; from += rowsAtOnce) {
      signal.throwIfAborted();
      const numbers = Array.from({ length: Math.min(rowsAtOnce, moved - from) }, (_, index) => from + index);
      await insertMigrations(numbers, movedRow);
      await connection.query(
        `INSERT INTO attempts (migration_id, attempt, epoch, direction, hold_hostgroup, decision, started_at_ms,
           ended_at_ms, phases, write_pause_ms, read_pause_ms) VALUES ?`,
        [numbers.map(attemptRow)],
      );
      await connection.query('INSERT INTO records (migration_id, name, value) VALUES ?', [numbers.flatMap(recordRows)]);
      await connection.query('INSERT INTO served VALUES ?', [numbers.map(servedRow)]);
    }
    if (planned > 0) {
      await insertMigrations(
        Array.from({ length: planned }, (_, index) => moved + index),
        plannedRow,
      );
    }
  } finally {
    connection.release();
    await pool.end();
  }
}

const regionOf = (n: number) => homeRegions[n % homeRegions.length] ?? homeRegions[0];

/** The machine's context before anything has happened. */
function freshContext(n: number) {
  const input = { migrationId: idOf(n), orgId: n + 1, homeRegion: regionOf(n), policy: policySchema.parse({}) };
  const [{ context }] = initialTransition(migrationMachine, { ...input, generationBefore: 0, attemptBefore: 0 });
  return context;
}

function movedRow(n: number): unknown[] {
  const moved = { attempt: 1, generation: 1, serving: 'cluster', verified: true, outcome: 'completed' };
  const context = { ...freshContext(n), ...moved };
  const journal = { version: journalVersion, value: 'completed', context, asked: [], deadlines: {} };
  const atMs = startedAtMs + n;
  return [idOf(n), n + 1, null, regionOf(n), 'completed', atMs, atMs, JSON.stringify(journal), 30, 2, null, 40];
}

function plannedRow(n: number): unknown[] {
  const journal = { version: journalVersion, value: 'planned', context: freshContext(n), asked: [], deadlines: {} };
  const atMs = startedAtMs + n;
  return [idOf(n), n + 1, n + 1, regionOf(n), 'planned', atMs, atMs, JSON.stringify(journal), 1, 0, null, 1];
}

const phases = ['hold', 'drain', 'fence', 'marker', 'pin', 'park', 'commit', 'release'];

function attemptRow(n: number): unknown[] {
  const timed = phases.map((phase, index) => ({ phase, ms: 3 + index, ok: true }));
  return [
    idOf(n),
    1,
    2,
    'forward',
    9_000 + (n % 900),
    'commit',
    startedAtMs,
    startedAtMs,
    JSON.stringify(timed),
    61.4,
    20.2,
  ];
}

function recordRows(n: number): unknown[][] {
  const at = new Date(startedAtMs).toISOString();
  const verification = { outcome: 'equal', kind: 'live', rows: 40_000 + n, mismatches: 0, at, startedAt: at };
  const records = {
    findings: [],
    snapshot: { counts: tables.map((table) => ({ table, rows: 8_000 + n })) },
    progress: {
      fullLoadPercent: 100,
      tables: tables.map((table) => ({ table, state: 'Table completed', fullLoadRows: 8_000 + n })),
    },
    verification: { ...verification, sample: [], generation: 1, serving: 'cluster' },
  };
  return Object.entries(records).map(([name, value]) => [idOf(n), name, JSON.stringify(value)]);
}

function servedRow(n: number): unknown[] {
  return [n + 1, 'cluster', regionOf(n), idOf(n), startedAtMs];
}
