import { z } from 'zod';
import type { MigrationContext } from '../../statecharts/context.ts';
import type { Policy } from '../../statecharts/policy.ts';
import { policyDefaults } from '../config/index.ts';
import type { Store } from '../ports/store.ts';
import { type Verification, verificationSchema } from '../service/status.ts';

const rowRefSchema = z.object({
  table: z.string(),
  name: z.string(),
  source: z.array(z.string()).nullable(),
  target: z.array(z.string()).nullable(),
  otherSite: z.string().optional(),
});

/** What a comparison proves holds for one task's work and for the side that served meanwhile. */
const storedSchema = verificationSchema.omit({ ageMs: true, stale: true }).extend({
  startedAt: z.iso.datetime(),
  generation: z.number().int(),
  serving: z.enum(['source', 'cluster', 'held']),
  /** Where the sample's rows are found again, for who may read their values; never shown. */
  sampleRows: z.array(rowRefSchema).default([]),
});
export type StoredVerification = z.infer<typeof storedSchema>;

const requestSchema = z.object({
  at: z.iso.datetime(),
  by: z.string(),
  /** Rows that differ are to be repaired, too. */
  repair: z.boolean().default(false),
});
export type VerifyRequest = z.infer<typeof requestSchema>;

type Proven = Pick<MigrationContext, 'migrationId' | 'generation' | 'serving' | 'policy'>;

/** The last result; null where there is none. */
export async function readVerification(
  store: Pick<Store, 'getRecord'>,
  migrationId: string,
): Promise<StoredVerification | null> {
  return verificationFrom(await store.getRecord(migrationId, 'verification'));
}

/** The same from the record at hand. */
export function verificationFrom(record: unknown): StoredVerification | null {
  const parsed = storedSchema.nullable().safeParse(record);
  return parsed.success ? parsed.data : null;
}

/** Somebody wants a comparison; whoever owns the migration makes it. */
export async function requestVerification(
  store: Pick<Store, 'putRecord'>,
  migrationId: string,
  request: VerifyRequest,
): Promise<void> {
  await store.putRecord(migrationId, 'verifyRequest', request);
}

/** True where somebody asked for a comparison since the last one began. */
export async function isRequested(
  store: Pick<Store, 'getRecord'>,
  migrationId: string,
  last: Pick<StoredVerification, 'startedAt'> | null,
  what: 'comparison' | 'repair' = 'comparison',
): Promise<boolean> {
  const request = requestSchema.nullable().parse(await store.getRecord(migrationId, 'verifyRequest'));
  if (request === null || (what === 'repair' && !request.repair)) return false;
  return last === null || Date.parse(request.at) > Date.parse(last.startedAt);
}

/** The policy's figures of proofs; a journal from before they were there says nothing of them. */
export function figuresOf(policy: Policy): Pick<Policy, 'verifyEveryMs' | 'verificationMaxAgeMs'> {
  const { verifyEveryMs, verificationMaxAgeMs } = { ...policyDefaults, ...policy };
  return { verifyEveryMs: Math.min(verifyEveryMs, verificationMaxAgeMs / 2), verificationMaxAgeMs };
}

export function ageMs(verification: Pick<Verification, 'at'>, nowMs: number): number {
  return Math.max(0, nowMs - Date.parse(verification.at));
}

/** Why the last result does not count for a step that needs one; null where it does. */
export function whyNotProven(
  verification: StoredVerification | null,
  { generation, serving, policy }: Omit<Proven, 'migrationId'>,
  nowMs: number,
): 'none' | 'different' | 'stale' | null {
  if (verification === null || verification.generation !== generation) return 'none';
  if (verification.serving !== serving) return 'none';
  if (verification.outcome !== 'equal') return 'different';
  return ageMs(verification, nowMs) > figuresOf(policy).verificationMaxAgeMs ? 'stale' : null;
}
