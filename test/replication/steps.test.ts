import { describe, expect, it } from 'vitest';
import type { ObservedTask } from '../../src/adapters/dms/replies.ts';
import { type Look, loadVerdict, nextStep } from '../../src/adapters/dms/steps.ts';
import type { TaskTable } from '../../src/ports/replication.ts';

const settleMs = 1_000;

function task(changes: Partial<ObservedTask> = {}): ObservedTask {
  return {
    id: 'bigdb-org1-forward-g1',
    arn: 'arn:task',
    instanceArn: 'arn:rep',
    sourceEndpointArn: 'arn:source',
    targetEndpointArn: 'arn:target',
    migrationType: 'full-load-and-cdc',
    status: 'running',
    stopReason: null,
    lastFailure: null,
    mappings: null,
    settings: null,
    fullLoadPercent: 100,
    tablesLoaded: 1,
    tablesLoading: 0,
    tablesQueued: 0,
    tablesErrored: 0,
    ...changes,
  };
}

function look(seen: ObservedTask | null, rest: Partial<Look> = {}): Look {
  return { task: seen, absentForMs: 0, last: null, ...rest };
}

describe('next step', () => {
  it.each([
    // Status, then what is done for: present, running, gone.
    ['creating', 'wait', 'wait', 'wait'],
    ['ready', 'done', 'start', 'delete'],
    ['starting', 'done', 'wait', 'wait'],
    ['running', 'done', 'done', 'stop'],
    ['stopping', 'done', 'wait', 'wait'],
    ['stopped', 'done', 'resume', 'delete'],
    ['modifying', 'done', 'wait', 'wait'],
    ['moving', 'done', 'wait', 'wait'],
    ['testing', 'done', 'wait', 'wait'],
    ['failed', 'fail', 'fail', 'delete'],
    ['failed-move', 'fail', 'fail', 'delete'],
    ['deleting', 'fail', 'fail', 'wait'],
  ])('from %s', (status, present, running, gone) => {
    const seen = task({ status });
    expect(nextStep(look(seen), 'present', settleMs).do).toBe(present);
    expect(nextStep(look(seen), 'running', settleMs).do).toBe(running);
    expect(nextStep(look(seen), 'gone', settleMs).do).toBe(gone);
  });

  it('makes a task that is not there, and does not make it twice while Describe lags behind', () => {
    expect(nextStep(look(null), 'present', settleMs)).toEqual({ do: 'create' });
    const created = { action: 'create', onStatus: null, sinceMs: 500 } as const;
    expect(nextStep(look(null, { last: created }), 'present', settleMs)).toEqual({ do: 'wait' });
    const longAgo = { ...created, sinceMs: settleMs };
    expect(nextStep(look(null, { last: longAgo }), 'present', settleMs)).toEqual({ do: 'create' });
  });

  it('believes an absence only once it has lasted', () => {
    expect(nextStep(look(null, { absentForMs: 999 }), 'gone', settleMs)).toEqual({ do: 'wait' });
    expect(nextStep(look(null, { absentForMs: 1_000 }), 'gone', settleMs)).toEqual({ do: 'done' });
    expect(nextStep(look(null, { absentForMs: 999 }), 'running', settleMs)).toEqual({ do: 'wait' });
    expect(nextStep(look(null, { absentForMs: 1_000 }), 'running', settleMs).do).toBe('fail');
  });

  it('does not start, stop or delete again while the old status is still shown', () => {
    for (const [action, status, wanted] of [
      ['start', 'ready', 'running'],
      ['stop', 'running', 'gone'],
      ['delete', 'stopped', 'gone'],
    ] as const) {
      const last = { action, onStatus: status, sinceMs: 10 };
      expect(nextStep(look(task({ status }), { last }), wanted, settleMs)).toEqual({ do: 'wait' });
      const late = { ...last, sinceMs: settleMs };
      expect(nextStep(look(task({ status }), { last: late }), wanted, settleMs)).toEqual({ do: action });
    }
  });

  it('stops a task again that resumed itself between stop and delete', () => {
    const last = { action: 'delete', onStatus: 'stopped', sinceMs: 10 } as const;
    expect(nextStep(look(task({ status: 'running' }), { last }), 'gone', settleMs)).toEqual({ do: 'stop' });
  });

  it('takes a running task with a table in error for failed', () => {
    expect(nextStep(look(task({ tablesErrored: 1 })), 'running', settleMs).do).toBe('fail');
  });

  it('never resumes a task that stopped in the middle of its load', () => {
    for (const changes of [{ fullLoadPercent: 60 }, { tablesLoading: 1 }, { tablesQueued: 1 }, { tablesErrored: 1 }]) {
      const stopped = task({ status: 'stopped', stopReason: 'NORMAL', ...changes });
      expect(nextStep(look(stopped), 'running', settleMs).do).toBe('fail');
    }
  });

  it.each([
    ['NORMAL', 'resume'],
    ['RECOVERABLE_ERROR', 'resume'],
    ['RECYCLE_TASK', 'resume'],
    ['FATAL_ERROR', 'fail'],
    ['FULL_LOAD_ONLY_FINISHED', 'fail'],
    ['STOPPED_AFTER_CACHED_EVENTS', 'fail'],
  ])('after a load that is over, %s means %s', (stopReason, step) => {
    expect(nextStep(look(task({ status: 'stopped', stopReason })), 'running', settleMs).do).toBe(step);
  });

  it('resumes a task that only captures changes, which has no load', () => {
    const seen = task({ status: 'stopped', stopReason: 'NORMAL', migrationType: 'cdc', fullLoadPercent: 0 });
    expect(nextStep(look(seen), 'running', settleMs)).toEqual({ do: 'resume' });
  });
});

describe('full load', () => {
  const expected = ['BigDB.CdrTasks', 'bigdb_cutover.heartbeat'];
  const tables = (...states: string[]): TaskTable[] =>
    expected.map((name, index) => {
      const [schema = '', table = ''] = name.split('.');
      return { schema, table, state: states[index] ?? '', fullLoadRows: 0, inserts: 0, updates: 0, deletes: 0 };
    });
  const all = tables('Table completed', 'Table completed');

  it('is complete at 100 %, with no table open, and every table of the mapping completed', () => {
    expect(loadVerdict(task(), all, expected)).toEqual({ kind: 'complete' });
  });

  it.each([
    ['no statistics yet', task(), null],
    ['a table still loading', task(), tables('Table completed', 'Full load')],
    ['a table that DMS does not list', task(), all.slice(0, 1)],
    ['not 100 %', task({ fullLoadPercent: 99 }), all],
    ['a table queued', task({ tablesQueued: 1 }), all],
    ['not running yet', task({ status: 'starting' }), all],
  ])('goes on: %s', (_case, seen, statistics) => {
    expect(loadVerdict(seen, statistics, expected)).toEqual({ kind: 'loading' });
  });

  it.each([
    ['a table in error on a running task', task(), tables('Table completed', 'Table error')],
    ['a table that does not exist', task(), tables('Table does not exist', 'Table completed')],
    ['a table cancelled', task(), tables('Table cancelled', 'Table completed')],
    ['a table being reloaded, which nobody asked for', task(), tables('Table is being reloaded', 'Table completed')],
    ['a table in error that is only counted', task({ tablesErrored: 1 }), all],
    ['a task that stopped', task({ status: 'stopped', stopReason: 'NORMAL', fullLoadPercent: 40 }), null],
    ['a task that failed', task({ status: 'failed', stopReason: 'FATAL_ERROR' }), all],
    ['a task that somebody deletes', task({ status: 'deleting' }), all],
  ])('has failed: %s', (_case, seen, statistics) => {
    expect(loadVerdict(seen, statistics, expected).kind).toBe('failed');
  });
});
