import { z } from 'zod';
import { waveStates } from '../ports/waves.ts';
import { standings } from '../waves/standing.ts';
import { reasonSchema } from './status.ts';

/** Commands that a user can give a wave. */
export const waveCommandNames = ['start', 'pause', 'resume', 'approve', 'cancel', 'rollback'] as const;
export type WaveCommandName = (typeof waveCommandNames)[number];

const moment = z.iso.datetime();
const count = z.number().int();

/** Everything that is told of a wave but its orgs. */
export const waveStatusSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(waveStates),
  since: moment,
  createdAt: moment,
  createdBy: z.string(),
  startedBy: z.string().nullable().describe('Its orgs are created and started in this name'),
  approval: z.object({
    needed: z.boolean().describe('Nothing flips before an approver has approved the wave'),
    by: z.string().nullable(),
  }),
  reason: reasonSchema.nullable().describe('Why it paused, or what somebody said with the last command'),
  allowed: z.array(z.enum(waveCommandNames)),
  waits: z
    .array(
      z.object({
        code: z.enum(['frozen', 'approval', 'window', 'canaries', 'limit', 'orgs', 'persons']),
        message: z.string(),
        until: moment.nullable(),
      }),
    )
    .describe('What it waits for now, in words'),
  orgs: count,
  standings: z.record(z.enum(standings), count).describe('Orgs by where they are'),
  troubles: z
    .object({
      wentBack: z.array(count),
      stuck: z.array(count),
      aborts: count,
      longestPauseMs: z.number().nullable(),
    })
    .describe('Since it was started or last resumed: what its stop rules count'),
  progress: z.object({
    moved: count.describe('Orgs on their cluster'),
    percent: z.number().min(0).max(100),
    movedAt: moment.nullable().describe('When every org will be on its cluster, if nothing goes wrong'),
    endsAt: moment.nullable(),
  }),
  settings: z.record(z.string(), z.unknown()),
  history: z.array(z.object({ at: moment, message: z.string() })),
  version: count,
});
export type WaveStatus = z.infer<typeof waveStatusSchema>;

/** One org of a wave. */
export const waveOrgSchema = z.object({
  orgId: count,
  position: count,
  homeRegion: z.string(),
  rows: count.describe('At the source when the wave was made, as its indexes estimate them'),
  canary: z.boolean(),
  standing: z.enum(standings),
  migrationId: z.string().nullable(),
  state: z.string().nullable(),
  since: moment.nullable(),
  letGo: z.boolean().describe('It flips as soon as it is in step'),
  aborts: count,
  longestPauseMs: z.number().nullable(),
  reason: z.string().nullable().describe('Code of why its move waits or failed'),
  refusal: reasonSchema.nullable().describe('Why it could not be created or started'),
});
export type WaveOrgStatus = z.infer<typeof waveOrgSchema>;

/** What the rest of a wave would do, and need. */
export const wavePlanSchema = z.object({
  id: z.string(),
  state: z.enum(waveStates),
  orgs: z.array(
    waveOrgSchema
      .pick({ orgId: true, position: true, homeRegion: true, rows: true, canary: true, standing: true })
      .extend({ startsAt: moment.nullable(), flipsAt: moment.nullable(), completesAt: moment.nullable() }),
  ),
  movedAt: moment.nullable(),
  endsAt: moment.nullable(),
  load: z.object({
    loadingAtOnce: count.describe('Orgs that are loaded at the same time, at most'),
    rowsPerSecond: z.number().describe('Rows that are read at the source at the same time, at most'),
    rows: count.describe('Rows of all orgs that are left'),
  }),
  tasks: z.array(z.object({ homeRegions: z.string(), atOnce: count })).describe('By replication instance'),
  quotas: z.array(
    z.object({
      where: z.string(),
      used: count,
      max: count,
      needed: count.describe('Tasks that come on top, at most'),
      fits: z.boolean(),
    }),
  ),
  windows: z.array(
    z.object({ window: z.enum(['startWindow', 'flipWindow']), open: z.boolean(), until: moment.nullable() }),
  ),
  standsStill: z.string().nullable().describe('Why it would not come to its end by itself'),
  assumptions: z.array(z.string()),
  unknown: z.array(z.string()).describe('What could not be looked at'),
});
export type WavePlan = z.infer<typeof wavePlanSchema>;
