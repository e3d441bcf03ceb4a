import { z } from 'zod';
import { policyRequestSchema } from '../config/policy.ts';
import { homeRegion, milliseconds } from '../config/values.ts';
import { weekdays } from './window.ts';

const orgId = z.int().min(1).max(4_294_967_295);
/** More orgs than one platform has. */
const orgsAtMost = 20_000;
const dayMs = 86_400_000;

const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 22:00');
const day = z.iso.date();

export const windowSchema = z.strictObject({
  timeZone: z.string().min(1).max(64).describe('Name from the IANA time zone database, such as Europe/London'),
  times: z
    .array(
      z.strictObject({
        days: z
          .array(z.enum(weekdays))
          .min(1)
          .max(7)
          .default([...weekdays])
          .describe('Days on which it begins; all of them where none is given'),
        from: time,
        to: z.union([time, z.literal('24:00')]).describe('Not later than `from`: of the next day'),
      }),
    )
    .min(1)
    .max(50),
  firstDay: day.optional().describe('Not before this day'),
  lastDay: day.optional().describe('Not beginning after this day'),
});

/** How much may be under way at once. */
const atOnce = z.int().min(1).max(10_000);
export const limitsSchema = z.strictObject({
  source: atOnce.describe('Orgs that the source is read for: from preflight until they are on their cluster'),
  instance: atOnce.describe('Orgs with a task on one replication instance: from preflight until their end'),
  cluster: atOnce.describe('Orgs that are loaded into one cluster, or follow the source there'),
  flips: atOnce.describe('Orgs between being let go and the end of their flip, tries included'),
});
export type Limits = z.output<typeof limitsSchema>;

/** Which orgs, by what the directory and the sites know of them. */
export const filterSchema = z.strictObject({
  homeRegion: homeRegion.optional(),
  fromOrg: orgId.optional().describe('Lowest OrgID'),
  toOrg: orgId.optional().describe('Highest OrgID'),
  minRows: z.int().min(0).optional().describe('Rows at the source, as its indexes estimate them'),
  maxRows: z.int().min(0).optional(),
  except: z.array(orgId).max(orgsAtMost).optional(),
  atMost: z.int().min(1).max(orgsAtMost).optional().describe('The first of them in the wave’s order'),
});
export type WaveFilter = z.output<typeof filterSchema>;

export const settingsFields = {
  order: z
    .enum(['smallFirst', 'asGiven'])
    .default('smallFirst')
    .describe('`asGiven`: as they stand in `orgs`; by OrgID where a filter chose them'),
  canaries: z
    .strictObject({
      count: z.int().min(1).max(1_000).optional().describe('The first of the order'),
      orgs: z.array(orgId).min(1).max(1_000).optional().describe('These; they come before all others'),
      watchMs: milliseconds(0, 30 * dayMs)
        .default(3_600_000)
        .describe('How long each has to have soaked before any other org starts'),
    })
    .refine(({ count, orgs }) => (count === undefined) !== (orgs === undefined), 'needs either count or orgs')
    .optional(),
  limits: limitsSchema.partial().default({}).describe('Of this wave; those of the configuration hold beside them'),
  startWindow: windowSchema.optional().describe('When orgs may start, and with that be loaded; always without it'),
  flipWindow: windowSchema.optional().describe('When orgs that are ready may be let go; always without it'),
  stop: z
    .strictObject({
      rollbacks: z.int().min(1).max(10_000).nullable().default(1).describe('Orgs that went back, or are going back'),
      aborts: z
        .int()
        .min(1)
        .max(100_000)
        .nullable()
        .default(10)
        .describe('Tries at a flip that ended before the commit'),
      stuck: z.int().min(1).max(10_000).nullable().default(3).describe('Orgs that wait for a person after a failure'),
      pauseMs: milliseconds(1, 600_000)
        .nullable()
        .default(5_000)
        .describe('Longest pause of writes that one flip may take'),
    })
    .prefault({})
    .describe('Once so many were seen since the start or the last resume, the wave pauses and says why; null: never'),
  policy: policyRequestSchema.optional().describe('Only what is to be stricter than the configuration’s policy'),
};

export const settingsSchema = z.strictObject(settingsFields);
export type WaveSettings = z.output<typeof settingsSchema>;

const waveName = z
  .string()
  .regex(/^[A-Za-z0-9][\w .,:;#()/+-]{0,79}$/, 'must be short plain text that begins with a letter or digit')
  .describe('For people');

/** What a new wave is made from. */
export const waveRequestSchema = z
  .strictObject({
    name: waveName,
    orgs: z.array(orgId).max(orgsAtMost).optional().describe('These orgs, each of which has to be fit to move'),
    filter: filterSchema.optional().describe('Every org that is fit to move and matches; {} is all of them'),
    ...settingsFields,
  })
  .refine(({ orgs, filter }) => (orgs === undefined) !== (filter === undefined), {
    path: ['orgs'],
    message: 'needs either orgs or filter',
  });
export type WaveRequest = z.output<typeof waveRequestSchema>;

/** The parts of a wave's own policy that it names. */
export function definedOf<T extends object>(policy: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined)) as never;
}
