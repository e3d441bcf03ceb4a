import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { CommandNotAllowedError, StoreUnavailableError, UnknownOrgError } from '../../src/errors/index.ts';
import type { App } from '../../src/http/types.ts';
import { type FakeService, fakeApp, statusOf } from './fakeService.ts';

let app: App;
let service: FakeService;
let api: string;
beforeEach(async () => {
  ({ app, service } = fakeApp());
  api = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => app.close());

async function cli(line: string, { env = {}, role = 'admin', signal = new AbortController().signal } = {}) {
  let out = '';
  let err = '';
  const code = await run(
    line.split(' ').filter((word) => word !== ''),
    { BIGDB_CUTOVER_API: api, BIGDB_CUTOVER_TOKEN: `token-of-${role}`, ...env },
    {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      screen: false,
    },
    signal,
  );
  return { code, out, err };
}

const commandsGiven = () => service.calls.filter((call) => call.actor !== undefined).map((call) => call.method);

describe('start', () => {
  it('plans the org’s move and starts it', async () => {
    const { code, out } = await cli('start 42');
    expect([code, commandsGiven()]).toEqual([0, ['create', 'start']]);
    expect(out).toMatch(/^org 42: start, served by source/);
  });

  it('starts the migration that is there', async () => {
    service.migrations.set('m1', statusOf('m1', 42));
    await cli('start 42');
    expect(commandsGiven()).toEqual(['start']);
  });

  it('plans another where the last has ended', async () => {
    service.migrations.set('m1', statusOf('m1', 42, { outcome: 'cancelled', state: 'cancelled' }));
    await cli('start 42');
    expect(service.calls.at(-1)).toMatchObject({ method: 'start', input: { id: 'm2' } });
  });
});

describe('mismatches', () => {
  it('are shown without values, and with them where asked for', async () => {
    service.migrations.set('m1', statusOf('m1', 42));
    const without = await cli('mismatches 42', { role: 'viewer' });
    expect([without.code, without.out]).toEqual([
      0,
      [
        'org 42: 1 rows differed at 2026-01-02T03:04:05.000Z',
        'KIND       TABLE     KEY          COLUMNS',
        'different  CallLogs  CallLogID=7  Notes',
        '',
      ].join('\n'),
    ]);
    expect((await cli('mismatches 42 --values', { role: 'operator' })).code).toBe(3);
    const { out } = await cli('mismatches 42 --values');
    expect(out).toContain('different  CallLogs  CallLogID=7\n  Notes  source  "ab"\n  Notes  cluster "ab "\n');
    expect(JSON.parse((await cli('mismatches m1 --json')).out)).toMatchObject({ id: 'm1', values: null });
  });
});

describe('a command', () => {
  it('is meant for the org’s open migration, or for the one with the id', async () => {
    service.migrations.set('m1', statusOf('m1', 42, { outcome: 'cancelled', createdAt: '2026-02-01T00:00:00.000Z' }));
    service.migrations.set('m2', statusOf('m2', 42, { createdAt: '2026-01-01T00:00:00.000Z' }));
    await cli('pause 42');
    expect(service.calls.at(-1)).toMatchObject({ method: 'pause', input: { id: 'm2' } });
    await cli('cancel m1 --reason twice');
    expect(service.calls.at(-1)).toMatchObject({ method: 'cancel', input: { id: 'm1', reason: 'twice' } });
  });

  it('takes a changed schema for the org’s migration', async () => {
    service.migrations.set('m1', statusOf('m1', 42));
    expect((await cli('schema accept 42 --reason CHG-7')).code).toBe(0);
    expect(service.calls.at(-1)).toMatchObject({ method: 'schema accept', input: { id: 'm1', reason: 'CHG-7' } });
    expect((await cli('schema 42')).code).toBe(2);
    expect((await cli('schema accept')).code).toBe(2);
  });

  it('accepts a loss only when told so', async () => {
    service.migrations.set('m1', statusOf('m1', 42));
    await cli('rollback 42 --reason twice');
    expect(service.calls.at(-1)?.input).toEqual({ id: 'm1', reason: 'twice' });
    await cli('rollback 42 --accept-loss --reason gone', { role: 'approver' });
    expect(service.calls.at(-1)?.input).toEqual({ id: 'm1', reason: 'gone', acceptLoss: true });
    expect((await cli('rollback 42 --accept-loss --reason gone', { role: 'operator' })).code).toBe(3);
  });

  it('answers with the status under --json', async () => {
    service.migrations.set('m1', statusOf('m1', 42));
    const { out } = await cli('approve m1 --json');
    expect(JSON.parse(out)).toEqual(statusOf('m1', 42, { state: 'approve', version: 2 }));
  });
});

describe('status', () => {
  it('lists every migration, also past one page', async () => {
    expect((await cli('status')).out).toBe('no migrations\n');
    for (let n = 1; n <= 501; n++) service.migrations.set(`m${n}`, statusOf(`m${n}`, n));
    const { out } = await cli('status');
    expect(out.split('\n')).toHaveLength(503);
    expect(out).toMatch(/^ORG +ID +STATE/);
    expect(JSON.parse((await cli('status --json')).out)).toHaveLength(501);
  });

  it('tells what an engineer asks about one', async () => {
    const attempt = {
      attempt: 1,
      direction: 'forward' as const,
      startedAt: '2026-01-02T03:04:05.000Z',
      endedAt: null,
      decision: 'abort' as const,
      phases: [],
      writePauseMs: 812.4,
      readPauseMs: null,
      reason: { code: 'DRAIN_TIMEOUT', message: 'two sessions', remedy: 'End them.', details: {} },
    };
    service.migrations.set('m1', statusOf('m1', 42, { attempts: [attempt], reason: attempt.reason }));
    const { out } = await cli('status 42');
    for (const part of ['m1', 'start, cancel', 'DRAIN_TIMEOUT: two sessions', 'End them.', '812 ms', 'abort']) {
      expect(out).toContain(part);
    }
  });
});

it('status tells why an org cannot go back, what may be done, and where its rows are', async () => {
  service.migrations.set(
    'm1',
    statusOf('m1', 42, {
      wayBack: {
        reverseLagMs: 81_234,
        lagSeenAt: '2026-01-02T03:04:05.000Z',
        lagAgeMs: 1_500,
        task: {
          status: 'failed',
          stopReason: 'FATAL_ERROR',
          lastFailure: null,
          erroredTables: [],
          observedAt: '2026-01-02T03:04:05.000Z',
        },
        tries: 2,
        since: '2026-01-02T03:04:05.000Z',
        choices: [{ command: 'rollback', acceptLoss: true, role: 'approver', means: 'go back all the same' }],
      },
      leftBehind: [
        {
          part: 'exact',
          path: '/exports/a.jsonl',
          host: 'cutover-a',
          rows: 7,
          kinds: { clusterOnly: 5, different: 1, siteOnly: 1 },
          at: '2026-01-02T03:04:05.000Z',
        },
      ],
    }),
  );
  const { out } = await cli('status 42');
  for (const part of [
    'after 2 tries; lag 81234 ms, seen 1500 ms ago; task failed (FATAL_ERROR)',
    'rollback --accept-loss --reason … (approver): go back all the same',
    '7 rows (exact) in /exports/a.jsonl on cutover-a',
  ]) {
    expect(out).toContain(part);
  }
});

describe('watch', () => {
  it('writes each change once and ends with the migration', async () => {
    service.migrations.set('m1', statusOf('m1', 42));
    const watching = cli('watch 42 --json --interval-ms 50');
    const asked = () => service.calls.filter((call) => call.method === 'get').length;
    await expect.poll(asked).toBeGreaterThan(2);
    service.migrations.set('m1', statusOf('m1', 42, { state: 'soaking' }));
    const before = asked();
    await expect.poll(asked).toBeGreaterThan(before + 1);
    service.migrations.set('m1', statusOf('m1', 42, { state: 'completed', outcome: 'completed' }));
    const { code, out } = await watching;
    const states = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).state);
    expect([code, states]).toEqual([0, ['planned', 'soaking', 'completed']]);
  });

  it('of everything ends when it is told to', async () => {
    service.migrations.set('m1', statusOf('m1', 42));
    const stop = new AbortController();
    const watching = cli('watch', { signal: stop.signal });
    await expect.poll(() => service.calls.length).toBeGreaterThan(0);
    stop.abort();
    expect(await watching).toMatchObject({ code: 0, out: expect.stringMatching(/^org 42: planned/) });
  });
});

describe('a failure', () => {
  it.each<[line: string, code: number, says: string, prepare?: () => void]>([
    ['status m9', 4, 'there is no migration m9'],
    ['pause 43', 4, 'org 43 has no migration'],
    ['start 7', 4, 'org 7 is not in CoreDB', () => failOnCreate(new UnknownOrgError(7))],
    [
      'approve m1',
      3,
      'allowed: start',
      () => failOnCommand(new CommandNotAllowedError('approve', 'planned', ['start'])),
    ],
    ['approve m1', 5, 'down', () => failOnCommand(new StoreUnavailableError('down'))],
    ['approve m1', 1, 'a fault of its own', () => failOnCommand(new Error('oops'))],
    ['approve m1 --token wrong', 3, 'not known here'],
    ['pause %', 2, 'params.id'],
    ['status --api http://127.0.0.1:1', 5, 'no answer from'],
  ])('%s: exit code %i and %j', async (line, code, says, prepare) => {
    service.migrations.set('m1', statusOf('m1', 42));
    prepare?.();
    const failed = await cli(line);
    expect(failed).toMatchObject({ code, out: '' });
    expect(failed.err).toContain(says);
    expect(failed.err.trim().split('\n').length).toBeGreaterThanOrEqual(2);
  });

  it('is a problem under --json', async () => {
    const { err } = await cli('status m9 --json');
    expect(JSON.parse(err)).toMatchObject({ status: 404, code: 'MIGRATION_UNKNOWN' });
    const unreachable = await cli('status --json --api http://127.0.0.1:1');
    expect(JSON.parse(unreachable.err)).toMatchObject({ code: 'API_UNREACHABLE' });
  });

  it('of a role that is too low names the one that is needed', async () => {
    service.migrations.set('m1', statusOf('m1', 42));
    const { code, err } = await cli('complete m1', { role: 'operator' });
    expect([code, commandsGiven()]).toEqual([3, []]);
    expect(err).toContain('it needs approver');
  });

  function failOnCreate(error: Error): void {
    service.create = () => Promise.reject(error);
  }
  function failOnCommand(error: Error): void {
    service.command = () => Promise.reject(error);
  }
});

describe('a wrong command line', () => {
  it.each([
    '',
    'explode 42',
    'start',
    'start 1 2',
    'start 42 --force',
    'start 42 --config a.yaml',
    'status --reason x',
    'watch --interval-ms 1',
    'watch --interval-ms soon',
    'serve',
    'serve --config a.yaml --reason x',
    'fence',
    'fence open --config a.yaml',
    'fence status',
    'fence status --config a.yaml x',
    'fence status --config a.yaml --db-user root',
    'status --api localhost',
    'status --api ftp://127.0.0.1',
    'start 42 --reason',
    'rollback 42 --accept-loss',
    'cancel 42 --accept-loss --reason x',
  ])('%j: exit code 2, with a reason', async (line) => {
    const { code, out, err } = await cli(line);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^bigdb-cutover: .+\n.+\n$/);
    expect(service.calls).toEqual([]);
  });

  it('a missing token is told before anything is asked', async () => {
    const { code, err } = await cli('status', { env: { BIGDB_CUTOVER_TOKEN: '' } });
    expect(code).toBe(2);
    expect(err).toContain('BIGDB_CUTOVER_TOKEN');
  });

  it('help is no failure', async () => {
    for (const line of ['--help', '-h', 'help', 'start --help']) {
      expect(await cli(line)).toMatchObject({ code: 0, out: expect.stringContaining('Exit codes') });
    }
  });
});
