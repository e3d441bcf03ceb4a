import { z } from 'zod';
import type { Missing } from '../errors/http.ts';
import type { Answer } from './answer.ts';
import type { Mismatches } from './mismatches.ts';

/** Commands that a user can give a migration. */
export const commandNames = ['start', 'pause', 'resume', 'approve', 'rollback', 'complete', 'cancel', 'retry'] as const;
export type CommandName = (typeof commandNames)[number];

/** The commands as the machine takes them: a rollback that accepts a loss is one of its own. */
export const orderNames = [...commandNames, 'acceptLoss'] as const;
export type OrderName = (typeof orderNames)[number];

/** An order in the words of those who give it. */
export function orderText(order: OrderName): string {
  return order === 'acceptLoss' ? 'rollback accepting loss' : order;
}

/** Why a migration waits or ended where it did. */
export const reasonSchema = z.object({
  code: z.string().describe('Stable code; the runbook has a section for each'),
  message: z.string(),
  remedy: z.string(),
  details: z.record(z.string(), z.unknown()),
});
export type Reason = z.infer<typeof reasonSchema>;

/** Progress of one table. */
export const tableProgressSchema = z.object({
  table: z.string(),
  state: z.string().describe('DMS TableState'),
  rowsExpected: z.number().int().nullable(),
  rowsLoaded: z.number().int(),
});

/** One attempt at the flip, or at the way back. Timings in milliseconds. */
export const attemptSchema = z.object({
  attempt: z.number().int(),
  direction: z.enum(['forward', 'back']),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  decision: z.enum(['commit', 'abort']).nullable(),
  phases: z.array(z.object({ phase: z.string(), ms: z.number(), ok: z.boolean() })),
  writePauseMs: z.number().nullable().describe('From the first proxy held to the last proxy released'),
  readPauseMs: z.number().nullable(),
  reason: reasonSchema.nullable(),
});
export type Attempt = z.infer<typeof attemptSchema>;

export const verificationSchema = z.object({
  outcome: z.enum(['equal', 'different', 'missing']),
  kind: z.enum(['cutover-point', 'live']),
  rows: z.number().int(),
  mismatches: z.number().int(),
  exact: z.boolean().optional().describe('False where so much differs that the mismatches are the least there can be'),
  at: z.iso.datetime(),
  ageMs: z
    .number()
    .describe('Time since its end: to the second below a minute, to the minute below an hour, else to the hour'),
  stale: z.boolean().describe('It does not count for approve and complete any more'),
  sample: z.array(z.record(z.string(), z.unknown())),
});
export type Verification = z.infer<typeof verificationSchema>;

/** A file of rows that do not travel back, after an approver accepted their loss. */
export const leftBehindSchema = z.object({
  part: z
    .enum(['before', 'exact'])
    .describe('`before`: taken before the flip, while both sides moved; `exact`: what stays behind, proven'),
  path: z.string(),
  host: z.string().describe('Machine of the controller that wrote it'),
  rows: z.number().int(),
  kinds: z
    .object({ clusterOnly: z.number().int(), different: z.number().int(), siteOnly: z.number().int() })
    .describe('Inserted, changed and deleted at the cluster'),
  at: z.iso.datetime(),
});
export type LeftBehind = z.infer<typeof leftBehindSchema>;

/** Why an org that should go back cannot, in figures, and what may be done about it. */
export const wayBackSchema = z.object({
  reverseLagMs: z.number().nullable().describe('Lag of the way back as last seen'),
  lagSeenAt: z.iso.datetime().nullable(),
  lagAgeMs: z.number().nullable().describe('Age of that sample, as fine as that of a verification'),
  task: z
    .object({
      status: z.string().describe('DMS status of the reverse task; `gone` where there is none'),
      stopReason: z.string().nullable(),
      lastFailure: z.string().nullable(),
      erroredTables: z.array(z.string()),
      observedAt: z.iso.datetime(),
    })
    .nullable()
    .describe('Null until DMS has answered'),
  tries: z.number().int().describe('Attempts at the flip back'),
  since: z.iso.datetime().describe('When it stopped'),
  choices: z.array(
    z.object({
      command: z.enum(commandNames),
      acceptLoss: z.boolean().describe('To be given with the command'),
      role: z.enum(['operator', 'approver']).describe('The lowest that may choose it'),
      means: z.string(),
    }),
  ),
});
export type WayBack = z.infer<typeof wayBackSchema>;

export const purgeStates = ['running', 'paused', 'stopped', 'cancelled', 'done'] as const;
export type PurgeState = (typeof purgeStates)[number];

/** How a completed org's rows are removed at the source. */
export const purgeStatusSchema = z.object({
  state: z
    .enum(purgeStates)
    .describe('`stopped`: something stood in its way, and somebody has to look; `done`: no site has a row of the org'),
  by: z.string().describe('Who gave the last order'),
  why: z.string(),
  orderedAt: z.iso.datetime(),
  site: z.string().nullable().describe('Where rows are deleted; replication carries that to the others'),
  rowsExpected: z.number().int().nullable().describe('At the site when the purge began; null until it was counted'),
  rowsDeleted: z.number().int(),
  tables: z.array(z.object({ table: z.string(), rowsExpected: z.number().int(), rowsDeleted: z.number().int() })),
  etaMs: z.number().nullable(),
  waitsFor: z.string().nullable().describe('What it waits for, in words'),
  reason: reasonSchema.nullable().describe('Why it stopped'),
  changedAt: z.iso.datetime(),
});
export type PurgeStatus = z.infer<typeof purgeStatusSchema>;

/** A comparison that runs. */
export const comparingSchema = z.object({
  kind: z.enum(['cutover-point', 'live']),
  startedAt: z.iso.datetime(),
  table: z.string().nullable(),
  rows: z.number().int().describe('Compared so far'),
  rowsExpected: z.number().int().nullable(),
  mismatches: z.number().int().describe('At their first look; rows on their way are looked at again'),
  etaMs: z.number().nullable(),
});
export type Comparing = z.infer<typeof comparingSchema>;

/** Everything a user sees of a migration. Times are ISO 8601 in UTC. */
export const migrationStatusSchema = z.object({
  id: z.string(),
  orgId: z.number().int(),
  wave: z.string().nullable().describe('The wave that it was made for'),
  homeRegion: z.string().nullable(),
  state: z.string().describe('Phase, with its step behind a dot: `replicating.fullLoad`'),
  since: z.iso.datetime(),
  createdAt: z.iso.datetime(),
  outcome: z.enum(['completed', 'rolledBack', 'cancelled']).nullable(),
  serving: z
    .enum(['source', 'cluster', 'held', 'unknown'])
    .describe('`unknown` where this version cannot read the journal'),
  waitsFor: z.string().nullable().describe('What it waits for, in words'),
  notice: z.string().nullable().describe('What was wrong with its owner in the last minute, in words'),
  reason: reasonSchema.nullable(),
  allowed: z.array(z.enum(commandNames)),
  pauseRequested: z.boolean(),
  progress: z.object({
    percent: z.number().min(0).max(100),
    etaMs: z.number().nullable(),
    tables: z.array(tableProgressSchema),
  }),
  lag: z.object({
    forwardMs: z.number().nullable(),
    reverseMs: z.number().nullable(),
    observedAt: z.iso.datetime().nullable(),
  }),
  attempts: z.array(attemptSchema),
  verification: verificationSchema.nullable(),
  wayBack: wayBackSchema.nullable().describe('Where a way back stopped and the cluster serves'),
  leftBehind: z.array(leftBehindSchema).describe('Files of rows whose loss was accepted'),
  comparing: comparingSchema.nullable().describe('The comparison that runs now'),
  purge: purgeStatusSchema.nullable().describe('The removal of the org’s rows at the source, once it was ordered'),
  findings: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['refuse', 'warn']),
      message: z.string(),
      remedy: z.string(),
      evidence: z.record(z.string(), z.unknown()),
    }),
  ),
  policy: z.record(z.string(), z.unknown()),
  owner: z.string().nullable(),
  epoch: z.number().int(),
  version: z.number().int().describe('Grows with every change; the ETag'),
});
export type MigrationStatus = z.infer<typeof migrationStatusSchema>;

/** Lag at a moment of the last hour, the worst of some seconds around it. */
export const lagPointSchema = z.object({
  at: z.iso.datetime(),
  forwardMs: z.number().nullable(),
  reverseMs: z.number().nullable(),
});
export type LagPoint = z.infer<typeof lagPointSchema>;

/** One entry of the timeline. */
export const timelineEventSchema = z.object({
  seq: z.number().int(),
  at: z.iso.datetime(),
  type: z.string().describe('`state`, `command`, `effect`, `note`'),
  state: z.string(),
  attempt: z.number().int().nullable(),
  message: z.string(),
  data: z.record(z.string(), z.unknown()),
});
export type TimelineEvent = z.infer<typeof timelineEventSchema>;

/** Who gave a command, for the record. */
export interface Actor {
  readonly name: string;
  readonly role: 'viewer' | 'operator' | 'approver' | 'admin';
  readonly from: string;
}

/** What may be said with a command. */
export interface CommandInput {
  readonly reason?: string;
  /** With `rollback` only: an approver lets go of what does not travel back. */
  readonly acceptLoss?: boolean;
}

/** What the ways in (HTTP, later others) may ask of the controller. Throws the errors of `src/errors/`. */
export interface MigrationService {
  /** Creates the migration in `planned`; looks the home region up first. */
  create(
    input: { orgId: number; policy?: Record<string, unknown>; wave?: string },
    actor: Actor,
  ): Promise<MigrationStatus>;
  list(query: {
    state?: string;
    homeRegion?: string;
    orgId?: number;
    wave?: string;
    limit: number;
    cursor?: string;
    /** Statuses that were given before: of those whose version is the same still, the same is given again. */
    known?: ReadonlyMap<string, MigrationStatus>;
  }): Promise<{ items: MigrationStatus[]; nextCursor: string | null }>;
  get(id: string): Promise<MigrationStatus>;
  /** The same as bytes with their ETag, for many who ask again and again. */
  getAnswer(id: string): Promise<Answer>;
  listAnswer(query: Parameters<MigrationService['list']>[0]): Promise<Answer>;
  /** Repeating a command whose effect is already there answers with the status and changes nothing. */
  command(id: string, command: CommandName, input: CommandInput, actor: Actor): Promise<MigrationStatus>;
  /**
   * Takes the schema as it is now for the one that the move rests on, and lets go on what stopped for it. Throws
   * `ShapesDifferError` while the sides differ.
   */
  acceptSchema(id: string, input: { reason?: string }, actor: Actor): Promise<MigrationStatus>;
  /** Asks for a comparison of the live sides; the controller that owns the migration makes it. */
  verify(id: string, input: { reason?: string }, actor: Actor): Promise<MigrationStatus>;
  /** The same, and rows that differ are copied from the side that serves the org. */
  repairRows(id: string, input: { reason?: string }, actor: Actor): Promise<MigrationStatus>;
  /** Lag of the last hour, as far as the controller that is asked measured it: empty where another one owns it. */
  lagHistory(id: string): Promise<LagPoint[]>;
  /** Rows that the last comparison found different; with `values` as both sides have them now. */
  mismatches(id: string, query: { values: boolean; limit: number }): Promise<Mismatches>;
  events(id: string, query: { after: number; limit: number }): Promise<TimelineEvent[]>;
  /** What is not ready, by dependency: empty when all is. */
  notReady(): Promise<Missing[]>;
}
