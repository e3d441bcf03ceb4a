import { z } from 'zod';
import type { MigrationContext } from '../../../statecharts/context.ts';
import { journalVersion } from '../../../statecharts/machine.ts';
import { JournalVersionError } from '../../errors/store.ts';
import type { AttemptRow, JournalEntry, MigrationRow, MigrationVersion, UnreadableRow } from '../../ports/store.ts';
import type { Attempt, Reason, TimelineEvent } from '../../service/status.ts';
import type { Statement } from './connection.ts';

const int = z.coerce.number().int();
const iso = (ms: number) => new Date(ms).toISOString();

/** A journal as this version writes it; the context's fields are the machine's own business beyond the keys. */
const journalSchema = z.object({
  version: z.number(),
  value: z.union([z.string(), z.record(z.string(), z.unknown())]),
  context: z.looseObject({
    migrationId: z.string(),
    orgId: z.number(),
    attempt: z.number(),
    policy: z.looseObject({}),
  }),
  asked: z.array(z.string()),
  deadlines: z.record(z.string(), z.number()),
});

const versioned = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue('is not JSON');
      return z.NEVER;
    }
  })
  .pipe(z.looseObject({ version: z.unknown() }));

const migrationRow = z.object({
  id: z.string(),
  org_id: int,
  active_org_id: int.nullable(),
  home_region: z.string(),
  state: z.string(),
  since_ms: int,
  created_at_ms: int,
  journal: z.string(),
  revision: int,
  epoch: int,
  owner: z.string().nullable(),
  wave_id: z.string().nullable(),
});

export const migrationColumns =
  'id, org_id, active_org_id, home_region, state, since_ms, created_at_ms, journal, revision, epoch, owner, wave_id';

const versionRow = z.object({
  id: z.string(),
  org_id: int,
  revision: int,
  changes: int,
  active_org_id: int.nullable(),
});

/** Steps count the revision, everything beside them counts the changes: neither ever goes back. */
export function toVersion(raw: unknown): MigrationVersion {
  const row = versionRow.parse(raw);
  return {
    id: row.id,
    orgId: row.org_id,
    version: `${row.revision}.${row.changes}`,
    ended: row.active_org_id === null,
  };
}

/** Part of every write beside a migration's row that its status can show. */
export function countingChange(id: string): Statement {
  return { sql: 'UPDATE migrations SET changes = changes + 1 WHERE id = ?', values: [id] };
}

/** Parses a row; a journal of another version is refused, never guessed at. */
export function toMigration(raw: unknown): MigrationRow {
  const row = toListed(raw);
  if (row.journal === null) throw row.refusal;
  return row;
}

/** As `toMigration`, but a refused journal leaves the rest of its row. */
export function toListed(raw: unknown): MigrationRow | UnreadableRow {
  const row = migrationRow.parse(raw);
  const beside = {
    id: row.id,
    orgId: row.org_id,
    homeRegion: row.home_region,
    state: row.state,
    sinceMs: row.since_ms,
    createdAtMs: row.created_at_ms,
    ended: row.active_org_id === null,
    revision: row.revision,
    epoch: row.epoch,
    owner: row.owner,
    waveId: row.wave_id,
  };
  try {
    return { ...beside, journal: toJournal(row.id, row.journal) };
  } catch (error) {
    if (!(error instanceof JournalVersionError)) throw error;
    return { ...beside, journal: null, refusal: error };
  }
}

function toJournal(id: string, text: string): JournalEntry {
  const parsed = versioned.safeParse(text);
  const version = parsed.success ? parsed.data.version : 'without a version';
  if (version !== journalVersion) throw new JournalVersionError(id, version, journalVersion);
  const journal = journalSchema.safeParse(parsed.data);
  // Of this version by its number alone: nothing that this version ever wrote.
  if (!journal.success) throw new JournalVersionError(id, `${version} in another form`, journalVersion);
  return { ...journal.data, context: journal.data.context as unknown as MigrationContext } as JournalEntry;
}

const timelineRow = z.object({
  seq: int,
  at_ms: int,
  type: z.string(),
  state: z.string(),
  attempt: int.nullable(),
  message: z.string(),
  data: z.string(),
});

export function toTimelineEvent(raw: unknown): TimelineEvent {
  const { at_ms, data, ...row } = timelineRow.parse(raw);
  return { ...row, at: iso(at_ms), data: z.record(z.string(), z.unknown()).parse(JSON.parse(data)) };
}

const pinnedSchema = z.object({ file: z.string(), position: z.number(), gtid: z.string() });
const decision = z.enum(['commit', 'abort']).nullable();

const attemptRow = z.object({
  migration_id: z.string(),
  attempt: int,
  epoch: int,
  direction: z.enum(['forward', 'back']),
  hold_hostgroup: int,
  decision,
  pinned: z.string().nullable(),
});

export function toAttemptRow(raw: unknown): AttemptRow {
  const row = attemptRow.parse(raw);
  return {
    migrationId: row.migration_id,
    attempt: row.attempt,
    epoch: row.epoch,
    direction: row.direction,
    holdHostgroup: row.hold_hostgroup,
    decision: row.decision,
    pinned: row.pinned === null ? null : pinnedSchema.parse(JSON.parse(row.pinned)),
  };
}

const attemptReport = attemptRow.extend({
  started_at_ms: int,
  ended_at_ms: int.nullable(),
  phases: z.string(),
  write_pause_ms: z.coerce.number().nullable(),
  read_pause_ms: z.coerce.number().nullable(),
  reason: z.string().nullable(),
});

const phases = z.array(z.object({ phase: z.string(), ms: z.number(), ok: z.boolean() }));

export function toAttempt(raw: unknown): Attempt {
  const row = attemptReport.parse(raw);
  return {
    attempt: row.attempt,
    direction: row.direction,
    startedAt: iso(row.started_at_ms),
    endedAt: row.ended_at_ms === null ? null : iso(row.ended_at_ms),
    decision: row.decision,
    phases: phases.parse(JSON.parse(row.phases)),
    writePauseMs: row.write_pause_ms,
    readPauseMs: row.read_pause_ms,
    reason: row.reason === null ? null : (JSON.parse(row.reason) as Reason),
  };
}
