import { describe, expect, it } from 'vitest';
import { checkTaskPrefix, parseTaskId, taskIdOf } from '../../src/adapters/dms/taskId.ts';
import { ReplicationRefusedError } from '../../src/errors/replication.ts';

const ref = { orgId: 42, homeRegion: 'eu-west-2', direction: 'forward', generation: 3 } as const;

describe('task ids', () => {
  it('follow the rules of DMS and can be read back', () => {
    const id = taskIdOf('bigdb', ref);
    expect(id).toBe('bigdb-org42-forward-g3');
    expect(id).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    expect(parseTaskId('bigdb', id)).toEqual({ orgId: 42, direction: 'forward', generation: 3 });
  });

  it('of the pseudo org name the home region: several may share a region of DMS', () => {
    const ids = ['eu-west-2', 'us-east-1'].map((homeRegion) => {
      const id = taskIdOf('bigdb', { ...ref, orgId: 0, direction: 'reverse', generation: 1, homeRegion });
      expect(parseTaskId('bigdb', id)).toEqual({ orgId: 0, direction: 'reverse', generation: 1 });
      return id;
    });
    expect(ids).toEqual(['bigdb-org0-reverse-g1-eu-west-2', 'bigdb-org0-reverse-g1-us-east-1']);
    expect(parseTaskId('bigdb', 'bigdb-org0-reverse-g1')).toBeNull();
  });

  it('never mix up orgs whose numbers begin alike, nor other owners', () => {
    expect(parseTaskId('bigdb', taskIdOf('bigdb', { ...ref, orgId: 420 }))?.orgId).toBe(420);
    expect(parseTaskId('bigdb', 'bigdb2-org42-forward-g3')).toBeNull();
    expect(parseTaskId('bigdb', 'bigdb-org42-forward-g3-copy')).toBeNull();
    expect(parseTaskId('bigdb', 'nightly-reports')).toBeNull();
  });

  it('refuse prefixes and numbers that DMS would not take', () => {
    for (const prefix of ['', '1st', 'a--b', 'a-', 'Big', 'a_b']) {
      expect(() => checkTaskPrefix(prefix)).toThrow(ReplicationRefusedError);
    }
    expect(() => taskIdOf('bigdb', { ...ref, orgId: -1 })).toThrow(ReplicationRefusedError);
    expect(() => taskIdOf('bigdb', { ...ref, generation: 1.5 })).toThrow(ReplicationRefusedError);
  });
});
