import type { Policy } from '../../statecharts/policy.ts';
import { RequestInvalidError } from '../errors/http.ts';
import { PolicyLoosenedError } from '../errors/service.ts';
import { faultsOfIssue, pathText } from './faults.ts';
import { policyRequestSchema } from './policy.ts';

/** Which way is stricter: a smaller or larger figure, or the first of two words. */
type Stricter = 'lower' | 'higher' | readonly [stricter: string, looser: string];

const stricter: Readonly<Record<keyof Policy, Stricter>> = {
  approval: ['manual', 'auto'],
  approvedBy: ['another', 'anyone'],
  completion: ['manual', 'auto'],
  lagGateMs: 'lower',
  lagSamples: 'higher',
  flipBudgetMs: 'lower',
  flipTries: 'lower',
  // More time between attempts is less strain on the org.
  flipBackoffMs: 'higher',
  flipBackoffMaxMs: 'higher',
  replicationTries: 'lower',
  soakMs: 'higher',
  onMismatch: ['rollback', 'alert'],
  onReverseLag: ['rollback', 'alert'],
  reverseLagMs: 'lower',
  reverseLagForMs: 'lower',
  onTaskFailed: ['rollback', 'alert'],
  taskFailedForMs: 'lower',
  onUnhealthy: ['rollback', 'alert'],
  unhealthyForMs: 'lower',
  clusterPingMs: 'lower',
  onErrorRate: ['rollback', 'alert'],
  errorRateFactor: 'lower',
  errorRateFloorPerMinute: 'lower',
  errorRateForMs: 'lower',
  schemaCheckMs: 'lower',
  verifyEveryMs: 'lower',
  verificationMaxAgeMs: 'lower',
  purgeAfterMs: 'higher',
};

/**
 * The policy of one move: the configuration's, tightened by the request's. Throws `RequestInvalidError` for unknown
 * fields and wrong types, `PolicyLoosenedError` naming every field that the request would loosen.
 */
export function tightenPolicy(base: Policy, requested: unknown): Policy {
  const parsed = policyRequestSchema.safeParse(requested ?? {});
  if (!parsed.success) {
    throw new RequestInvalidError(
      parsed.error.issues
        .flatMap((issue) => faultsOfIssue(issue, requested))
        .map(({ path, cause }) => ({ path: pathText(['policy', ...path]), message: cause })),
    );
  }
  // What the request leaves out is not there at all, so nothing of the base is overwritten by undefined.
  const wanted = Object.fromEntries(
    Object.entries(parsed.data).filter(([, value]) => value !== undefined),
  ) as Partial<Policy>;
  const loosened = (Object.keys(wanted) as (keyof Policy)[]).filter((field) => loosens(field, base, wanted));
  if (loosened.length > 0) throw new PolicyLoosenedError(loosened);
  const policy = { ...base, ...wanted };
  if (policy.flipBackoffMs > policy.flipBackoffMaxMs) {
    throw new RequestInvalidError([
      {
        path: 'policy.flipBackoffMs',
        message: `is more than flipBackoffMaxMs, which is ${policy.flipBackoffMaxMs}; raise that as well`,
      },
    ]);
  }
  return policy;
}

function loosens(field: keyof Policy, base: Policy, wanted: Partial<Policy>): boolean {
  const rule = stricter[field];
  const from = base[field];
  const to = wanted[field];
  if (rule === 'lower') return Number(to) > Number(from);
  if (rule === 'higher') return Number(to) < Number(from);
  return from === rule[0] && to === rule[1];
}
