import { z } from 'zod';
import type { Policy } from '../../statecharts/policy.ts';
import { milliseconds } from './values.ts';

const dayMs = 86_400_000;

/** Every field of a policy with its bounds and without its default. */
const fields = {
  approval: z.enum(['manual', 'auto']),
  approvedBy: z.enum(['another', 'anyone']),
  completion: z.enum(['manual', 'auto']),
  lagGateMs: milliseconds(1, 600_000),
  lagSamples: z.int().min(1).max(1_000),
  flipBudgetMs: milliseconds(100, 60_000),
  flipTries: z.int().min(1).max(100),
  flipBackoffMs: milliseconds(0, dayMs),
  flipBackoffMaxMs: milliseconds(0, dayMs),
  replicationTries: z.int().min(1).max(100),
  soakMs: milliseconds(0, 365 * dayMs),
  onMismatch: z.enum(['rollback', 'alert']),
  onReverseLag: z.enum(['rollback', 'alert']),
  reverseLagMs: milliseconds(1, dayMs),
  reverseLagForMs: milliseconds(0, dayMs),
  onTaskFailed: z.enum(['rollback', 'alert']),
  taskFailedForMs: milliseconds(0, dayMs),
  onUnhealthy: z.enum(['rollback', 'alert']),
  unhealthyForMs: milliseconds(0, dayMs),
  clusterPingMs: milliseconds(1, 60_000),
  onErrorRate: z.enum(['rollback', 'alert']),
  errorRateFactor: z.number().min(1).max(1_000),
  errorRateFloorPerMinute: z.number().min(0).max(1_000_000),
  errorRateForMs: milliseconds(0, dayMs),
  schemaCheckMs: milliseconds(500, dayMs),
  verifyEveryMs: milliseconds(1_000, 30 * dayMs),
  verificationMaxAgeMs: milliseconds(1_000, 30 * dayMs),
  purgeAfterMs: milliseconds(0, 3_650 * dayMs),
} satisfies Record<keyof Policy, z.ZodType>;

/**
 * What holds where the configuration says nothing: another person than the starter approves, and completes after a day
 * of soaking.
 */
export const policyDefaults: Policy = {
  approval: 'manual',
  approvedBy: 'another',
  completion: 'manual',
  lagGateMs: 500,
  lagSamples: 5,
  flipBudgetMs: 3_000,
  flipTries: 5,
  flipBackoffMs: 1_000,
  flipBackoffMaxMs: 60_000,
  replicationTries: 3,
  soakMs: dayMs,
  onMismatch: 'rollback',
  onReverseLag: 'rollback',
  reverseLagMs: 30_000,
  reverseLagForMs: 60_000,
  onTaskFailed: 'rollback',
  // DMS takes up a task again by itself after an error that it calls recoverable.
  taskFailedForMs: 10_000,
  onUnhealthy: 'rollback',
  unhealthyForMs: 30_000,
  clusterPingMs: 1_000,
  onErrorRate: 'rollback',
  errorRateFactor: 3,
  errorRateFloorPerMinute: 60,
  errorRateForMs: 60_000,
  schemaCheckMs: 60_000,
  verifyEveryMs: 3_600_000,
  verificationMaxAgeMs: 6 * 3_600_000,
  purgeAfterMs: 30 * dayMs,
};

/** The policy of the configuration: every field may be left out. */
export const policySchema = z.strictObject({
  approval: fields.approval.default(policyDefaults.approval),
  approvedBy: fields.approvedBy.default(policyDefaults.approvedBy),
  completion: fields.completion.default(policyDefaults.completion),
  lagGateMs: fields.lagGateMs.default(policyDefaults.lagGateMs),
  lagSamples: fields.lagSamples.default(policyDefaults.lagSamples),
  flipBudgetMs: fields.flipBudgetMs.default(policyDefaults.flipBudgetMs),
  flipTries: fields.flipTries.default(policyDefaults.flipTries),
  flipBackoffMs: fields.flipBackoffMs.default(policyDefaults.flipBackoffMs),
  flipBackoffMaxMs: fields.flipBackoffMaxMs.default(policyDefaults.flipBackoffMaxMs),
  replicationTries: fields.replicationTries.default(policyDefaults.replicationTries),
  soakMs: fields.soakMs.default(policyDefaults.soakMs),
  onMismatch: fields.onMismatch.default(policyDefaults.onMismatch),
  onReverseLag: fields.onReverseLag.default(policyDefaults.onReverseLag),
  reverseLagMs: fields.reverseLagMs.default(policyDefaults.reverseLagMs),
  reverseLagForMs: fields.reverseLagForMs.default(policyDefaults.reverseLagForMs),
  onTaskFailed: fields.onTaskFailed.default(policyDefaults.onTaskFailed),
  taskFailedForMs: fields.taskFailedForMs.default(policyDefaults.taskFailedForMs),
  onUnhealthy: fields.onUnhealthy.default(policyDefaults.onUnhealthy),
  unhealthyForMs: fields.unhealthyForMs.default(policyDefaults.unhealthyForMs),
  clusterPingMs: fields.clusterPingMs.default(policyDefaults.clusterPingMs),
  onErrorRate: fields.onErrorRate.default(policyDefaults.onErrorRate),
  errorRateFactor: fields.errorRateFactor.default(policyDefaults.errorRateFactor),
  errorRateFloorPerMinute: fields.errorRateFloorPerMinute.default(policyDefaults.errorRateFloorPerMinute),
  errorRateForMs: fields.errorRateForMs.default(policyDefaults.errorRateForMs),
  schemaCheckMs: fields.schemaCheckMs.default(policyDefaults.schemaCheckMs),
  verifyEveryMs: fields.verifyEveryMs.default(policyDefaults.verifyEveryMs),
  verificationMaxAgeMs: fields.verificationMaxAgeMs.default(policyDefaults.verificationMaxAgeMs),
  purgeAfterMs: fields.purgeAfterMs.default(policyDefaults.purgeAfterMs),
});

/** The policy of a request: only what it wants to tighten. */
export const policyRequestSchema = z.strictObject(fields).partial();
export type PolicyRequest = z.output<typeof policyRequestSchema>;

/** Fails to compile when the machine's policy and this schema are not the same. */
type Same<A, B> = [A, B] extends [B, A] ? true : never;
export const policySchemaIsPolicy: Same<Policy, Readonly<z.output<typeof policySchema>>> = true;
