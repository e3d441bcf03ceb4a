import { describe, expect, it } from 'vitest';
import { policyDefaults, tightenPolicy } from '../../src/config/index.ts';
import { RequestInvalidError } from '../../src/errors/http.ts';
import { PolicyLoosenedError } from '../../src/errors/service.ts';
import type { Policy } from '../../statecharts/policy.ts';

const loose: Policy = {
  ...policyDefaults,
  approval: 'auto',
  approvedBy: 'anyone',
  completion: 'auto',
  onMismatch: 'alert',
  onReverseLag: 'alert',
  onTaskFailed: 'alert',
  onUnhealthy: 'alert',
  onErrorRate: 'alert',
};

/** For every field a stricter value than that of `loose`, and a looser one than that of `policyDefaults`. */
const both: { [Field in keyof Policy]: [tighter: Policy[Field], looser: Policy[Field]] } = {
  approval: ['manual', 'auto'],
  approvedBy: ['another', 'anyone'],
  completion: ['manual', 'auto'],
  lagGateMs: [499, 501],
  lagSamples: [6, 4],
  flipBudgetMs: [2_999, 3_001],
  flipTries: [4, 6],
  flipBackoffMs: [1_001, 999],
  flipBackoffMaxMs: [60_001, 59_999],
  replicationTries: [2, 4],
  soakMs: [86_400_001, 86_399_999],
  onMismatch: ['rollback', 'alert'],
  onReverseLag: ['rollback', 'alert'],
  reverseLagMs: [29_999, 30_001],
  reverseLagForMs: [59_999, 60_001],
  onTaskFailed: ['rollback', 'alert'],
  taskFailedForMs: [9_999, 10_001],
  onUnhealthy: ['rollback', 'alert'],
  unhealthyForMs: [29_999, 30_001],
  clusterPingMs: [999, 1_001],
  onErrorRate: ['rollback', 'alert'],
  errorRateFactor: [2.5, 3.5],
  errorRateFloorPerMinute: [59, 61],
  errorRateForMs: [59_999, 60_001],
  verifyEveryMs: [3_599_999, 3_600_001],
  verificationMaxAgeMs: [21_599_999, 21_600_001],
  purgeAfterMs: [2_592_000_001, 2_591_999_999],
  schemaCheckMs: [59_999, 60_001],
};
const cases = Object.entries(both) as [keyof Policy, [unknown, unknown]][];

describe('the policy of a request', () => {
  it.each(cases)('may tighten %s', (field, [tighter]) => {
    expect(tightenPolicy(loose, { [field]: tighter })).toEqual({ ...loose, [field]: tighter });
  });

  it.each(cases)('may not loosen %s', (field, [, looser]) => {
    expect(() => tightenPolicy(policyDefaults, { [field]: looser })).toThrow(new PolicyLoosenedError([field]));
  });

  it.each(cases)('may say again what %s is', (field) => {
    expect(tightenPolicy(policyDefaults, { [field]: policyDefaults[field] })).toEqual(policyDefaults);
  });

  it('names every field that it would loosen', () => {
    expect(() => tightenPolicy(policyDefaults, { lagGateMs: 900, approval: 'auto', lagSamples: 9 })).toThrow(
      new PolicyLoosenedError(['approval', 'lagGateMs']),
    );
  });

  it.each([[undefined], [null], [{}]])('may be absent: %j', (requested) => {
    expect(tightenPolicy(policyDefaults, requested)).toEqual(policyDefaults);
  });

  it.each<[requested: unknown, path: string]>([
    [{ lagGate: 1 }, 'policy.lagGate'],
    [{ lagGateMs: '400' }, 'policy.lagGateMs'],
    [{ lagGateMs: 0 }, 'policy.lagGateMs'],
    [{ lagSamples: 5.5 }, 'policy.lagSamples'],
    [{ approval: null }, 'policy.approval'],
    [['manual'], 'policy'],
    ['manual', 'policy'],
    [{ flipBackoffMs: 70_000 }, 'policy.flipBackoffMs'],
  ])('is invalid as %j', (requested, path) => {
    try {
      tightenPolicy(policyDefaults, requested);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(RequestInvalidError);
      expect((error as RequestInvalidError).faults.map((fault) => fault.path)).toContain(path);
    }
  });
});
