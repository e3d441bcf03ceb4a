import { describe, expect, it } from 'vitest';
import { faultOf } from '../../src/adapters/dms/faults.ts';
import { quotaFinding } from '../../src/adapters/dms/findings.ts';
import { backoffMs } from '../../src/adapters/dms/pace.ts';

describe('faults', () => {
  const service = (name: string, status = 400) =>
    Object.assign(new Error('x'), { name, $metadata: { httpStatusCode: status } });

  it.each([
    [service('ThrottlingException'), { kind: 'unanswered', throttled: true }],
    [service('InternalFailure', 500), { kind: 'unanswered', throttled: false }],
    [service('Whatever', 503), { kind: 'unanswered', throttled: false }],
    [Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }), { kind: 'unanswered', throttled: false }],
    [Object.assign(new Error('x'), { name: 'TimeoutError' }), { kind: 'unanswered', throttled: false }],
    [service('ResourceAlreadyExistsFault'), { kind: 'alreadyExists' }],
    [service('ResourceNotFoundFault'), { kind: 'notFound' }],
    [service('InvalidResourceStateFault'), { kind: 'wrongState' }],
    [service('ResourceQuotaExceededFault'), { kind: 'refused' }],
    [service('InvalidParameterValueException'), { kind: 'refused' }],
    [service('AccessDeniedFault'), { kind: 'refused' }],
  ])('%s', (error, fault) => {
    expect(faultOf(error)).toEqual(fault);
  });

  it('leaves our own mistakes alone', () => {
    expect(faultOf(new TypeError('x is undefined'))).toBeNull();
    expect(faultOf('text')).toBeNull();
  });
});

describe('back-off', () => {
  it('doubles up to ten seconds', () => {
    expect([1, 2, 3, 7, 8, 50].map(backoffMs)).toEqual([100, 200, 400, 6_400, 10_000, 10_000]);
  });
});

describe('quota', () => {
  it('refuses what does not fit, warns when little is left', () => {
    expect(quotaFinding('region', 100, 600)).toEqual([]);
    expect(quotaFinding('region', 550, 600)).toMatchObject([{ code: 'DMS_TASK_QUOTA_LOW', severity: 'warn' }]);
    expect(quotaFinding('region', 599, 600)).toMatchObject([{ code: 'DMS_TASK_QUOTA_EXHAUSTED', severity: 'refuse' }]);
  });
});
