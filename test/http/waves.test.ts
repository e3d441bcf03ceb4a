import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { TimeZoneUnknownError, WaveSelectionError } from '../../src/errors/index.ts';
import type { App } from '../../src/http/types.ts';
import { bearer, fakeApp } from './fakeService.ts';
import { type FakeWaves, waveStatus } from './fakeWaves.ts';

let app: App;
let waves: FakeWaves;
beforeEach(() => {
  ({ app, waves } = fakeApp());
});
afterEach(() => app.close());

type Role = Parameters<typeof bearer>[0];
const post = (url: string, payload: unknown, role: Role = 'operator', headers = {}) =>
  app.inject({ method: 'POST', url, payload: payload as object, headers: { ...bearer(role), ...headers } });
const get = (url: string, headers = {}) => app.inject({ url, headers: { ...bearer('viewer'), ...headers } });

describe('POST /v1/waves', () => {
  it('plans a wave, with its place and what was left out filled in', async () => {
    const reply = await post('/v1/waves', { name: 'week 48', orgs: [4, 42], canaries: { count: 1 } });
    expect(reply.statusCode).toBe(201);
    expect(reply.headers.location).toBe('/v1/waves/w1');
    expect(reply.json()).toMatchObject({ id: 'w1', state: 'planned' });
    expect(waves.calls).toMatchObject([
      {
        method: 'create',
        actor: { name: 'the operator' },
        input: {
          orgs: [4, 42],
          order: 'smallFirst',
          canaries: { count: 1, watchMs: 3_600_000 },
          stop: { rollbacks: 1 },
        },
      },
    ]);
  });

  it('makes one wave of a request that is sent twice with the same key', async () => {
    const key = { 'idempotency-key': 'once' };
    const replies = [];
    for (let sent = 0; sent < 2; sent++)
      replies.push(await post('/v1/waves', { name: 'a', orgs: [4] }, 'operator', key));
    expect(replies.map((reply) => reply.json().id)).toEqual(['w1', 'w1']);
    expect(waves.waves.size).toBe(1);
  });

  it('takes thousands of orgs', async () => {
    const orgs = Array.from({ length: 20_000 }, (_, index) => 1_000_000_000 + index);
    expect((await post('/v1/waves', { name: 'all', orgs })).statusCode).toBe(201);
  });

  it.each([
    ['neither orgs nor filter', { name: 'a' }, 'orgs'],
    ['both of them', { name: 'a', orgs: [1], filter: {} }, 'orgs'],
    ['an org that is none', { name: 'a', orgs: [0] }, 'orgs.0'],
    ['an empty name', { name: ' ', orgs: [1] }, 'name'],
    ['an hour that the day does not have', window({ from: '25:00' }), 'flipWindow.times.0.from'],
    ['a day that the week does not have', window({ days: ['caturday'] }), 'flipWindow.times.0.days.0'],
    ['no days', window({ days: [] }), 'flipWindow.times.0.days'],
    ['canaries by number and by name', { name: 'a', orgs: [1], canaries: { count: 1, orgs: [1] } }, 'canaries'],
    ['a limit of nothing', { name: 'a', orgs: [1], limits: { flips: 0 } }, 'limits.flips'],
    ['an unknown rule', { name: 'a', orgs: [1], stop: { mood: 1 } }, 'stop'],
  ])('refuses %s', async (_what, body, path) => {
    const reply = await post('/v1/waves', body);
    expect(reply.statusCode).toBe(400);
    expect(JSON.stringify(reply.json().details)).toContain(`body.${path}`);
    expect(waves.calls).toEqual([]);
  });

  it('tells every org that cannot be in it', async () => {
    waves.failure = new WaveSelectionError([{ orgId: 4, why: 'moving', of: 'm-1' }]);
    const reply = await post('/v1/waves', { name: 'a', orgs: [4] });
    expect([reply.statusCode, reply.json().code]).toEqual([422, 'WAVE_SELECTION_REFUSED']);
    expect(reply.json().details.orgs).toEqual([{ orgId: 4, why: 'moving', of: 'm-1' }]);
    waves.failure = new TimeZoneUnknownError('flipWindow', 'Europe/Atlantis');
    expect((await post('/v1/waves', { name: 'a', orgs: [4] })).statusCode).toBe(422);
  });

  it('is an operator’s', async () => {
    expect((await post('/v1/waves', { name: 'a', orgs: [4] }, 'viewer')).statusCode).toBe(403);
  });
});

describe('GET /v1/waves', () => {
  it('goes page by page, and says 304 while nothing changes', async () => {
    for (const id of ['w1', 'w2', 'w3']) waves.waves.set(id, waveStatus(id));
    const first = await get('/v1/waves?limit=2');
    expect(first.json().items.map(({ id }: { id: string }) => id)).toEqual(['w1', 'w2']);
    const rest = await get(`/v1/waves?limit=2&cursor=${first.json().nextCursor}`);
    expect([rest.json().items.length, rest.json().nextCursor]).toEqual([1, null]);
    const { etag } = first.headers;
    expect((await get('/v1/waves?limit=2', { 'if-none-match': etag })).statusCode).toBe(304);
    const one = await get('/v1/waves/w1');
    expect((await get('/v1/waves/w1', { 'if-none-match': one.headers.etag })).statusCode).toBe(304);
    waves.waves.set('w1', waveStatus('w1', { state: 'running', version: 2 }));
    expect((await get('/v1/waves/w1', { 'if-none-match': one.headers.etag })).statusCode).toBe(200);
  });

  it('has a wave’s orgs and its plan', async () => {
    waves.waves.set('w1', waveStatus('w1'));
    const orgs = await get('/v1/waves/w1/orgs?limit=1');
    expect(orgs.json()).toMatchObject({ items: [{ orgId: 1, standing: 'waiting' }], nextAfter: 1 });
    expect((await get('/v1/waves/w1/plan')).json()).toMatchObject({ id: 'w1', load: { loadingAtOnce: 2 } });
    for (const path of ['', '/orgs', '/plan']) {
      expect((await get(`/v1/waves/nobody${path}`)).json().code).toBe('WAVE_UNKNOWN');
    }
  });
});

describe('commands', () => {
  it('are given with who and why, need their role, and name what is allowed instead', async () => {
    waves.waves.set('w1', waveStatus('w1'));
    expect((await post('/v1/waves/w1/start', { reason: 'CHG-1' })).statusCode).toBe(200);
    expect(waves.calls.at(-1)).toMatchObject({ method: 'start', input: { id: 'w1', reason: 'CHG-1' } });
    expect((await post('/v1/waves/w1/approve', {})).statusCode).toBe(403);
    expect((await post('/v1/waves/w1/approve', {}, 'approver')).statusCode).toBe(200);
    const refused = await post('/v1/waves/w1/resume', {});
    expect([refused.statusCode, refused.json().allowed]).toEqual([409, ['start', 'cancel', 'approve']]);
  });

  it('to cancel and roll back need a reason', async () => {
    waves.waves.set('w1', waveStatus('w1', { allowed: ['cancel', 'rollback'] }));
    for (const command of ['cancel', 'rollback']) {
      expect((await post(`/v1/waves/w1/${command}`, {})).statusCode).toBe(400);
      expect((await post(`/v1/waves/w1/${command}`, { reason: 'INC-77' })).statusCode).toBe(200);
    }
  });
});

describe('the command line', () => {
  async function cli(words: readonly string[]) {
    const api = app.server.listening ? app.listeningOrigin : await app.listen({ host: '127.0.0.1', port: 0 });
    const written = { out: '', err: '' };
    const code = await run(
      words,
      { BIGDB_CUTOVER_API: api, BIGDB_CUTOVER_TOKEN: 'token-of-admin' },
      {
        out: (text) => {
          written.out += text;
        },
        err: (text) => {
          written.err += text;
        },
        screen: false,
      },
      new AbortController().signal,
    );
    return { code, ...written };
  }

  it('makes waves of orgs, of a file, and of a filter, with settings from a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waves-'));
    try {
      const [orgs, settings] = [join(folder, 'orgs.txt'), join(folder, 'wave.yaml')];
      await writeFile(orgs, '# the small ones\n4, 42\n420 # and this one\n');
      await writeFile(settings, 'limits: { flips: 2 }\nstop: { stuck: 5 }\n');
      const made = async (...words: string[]) => {
        const { code, err } = await cli(['wave', 'create', '--name', 'week 48', ...words]);
        expect(err).toBe('');
        expect(code).toBe(0);
        return waves.calls.at(-1)?.input;
      };
      expect(await made('4', '42', '--as-given')).toMatchObject({ orgs: [4, 42], order: 'asGiven' });
      expect(await made('--file', orgs, '--settings', settings, '--canaries', '2')).toMatchObject({
        orgs: [4, 42, 420],
        limits: { flips: 2 },
        stop: { stuck: 5, rollbacks: 1 },
        canaries: { count: 2 },
      });
      expect(await made('--home-region', 'eu-west-2', '--max-rows', '1000', '--at-most', '5')).toMatchObject({
        filter: { homeRegion: 'eu-west-2', maxRows: 1_000, atMost: 5 },
      });
      expect(await made('--all')).toMatchObject({ filter: {} });
      await writeFile(orgs, '4 forty-two');
      expect((await cli(['wave', 'create', '--name', 'a', '--file', orgs])).code).toBe(2);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it.each([
    ['wave'],
    ['wave create 4'],
    ['wave create --name a'],
    ['wave create --name a 4 --all'],
    ['wave create --name a --file /nowhere/at/all'],
    ['wave show'],
    ['wave start w1 w2'],
    ['wave cancel w1'],
    ['wave list --reason x'],
    ['wave dance w1'],
  ])('refuses %s', async (line) => {
    const { code, err } = await cli(line.split(' '));
    expect([code, err]).not.toEqual([2, '']);
    expect(code).toBe(2);
    expect(waves.calls).toEqual([]);
  });

  it('shows waves, gives commands, and ends with the codes that scripts know', async () => {
    const reason = { code: 'WAVE_STOPPED', message: 'three orgs', remedy: 'Look at them.', details: {} };
    waves.waves.set('w1', waveStatus('w1', { state: 'paused', reason, allowed: ['resume', 'rollback'] }));
    expect((await cli(['wave', 'list'])).out).toMatch(/w1 +wave w1 +paused.*WAVE_STOPPED/);
    const shown = await cli(['wave', 'show', 'w1']);
    expect(shown.out).toContain('reason        WAVE_STOPPED: three orgs');
    expect(shown.out).toMatch(/1 +1 +eu-west-2 +10 +waiting/);
    expect(JSON.parse((await cli(['wave', 'show', 'w1', '--json'])).out)).toMatchObject({
      id: 'w1',
      orgList: [{}, {}],
    });
    expect((await cli(['wave', 'resume', 'w1'])).out).toMatch(/^wave w1 "wave w1": paused/);
    expect((await cli(['wave', 'start', 'w1'])).code).toBe(3);
    expect((await cli(['wave', 'show', 'nobody'])).code).toBe(4);
    expect((await cli(['wave', 'rollback', 'w1', '--reason', 'INC-77'])).code).toBe(0);
  });

  it('ends a plan with 1 where it would stand still, or a quota does not hold', async () => {
    waves.waves.set('w1', waveStatus('w1'));
    expect((await cli(['wave', 'plan', 'w1'])).code).toBe(0);
    waves.plans = { quotas: [{ where: 'region', used: 599, max: 600, needed: 4, fits: false }] };
    const full = await cli(['wave', 'plan', 'w1']);
    expect([full.code, full.out]).toEqual([1, expect.stringContaining('DOES NOT FIT')]);
    waves.plans = { standsStill: 'the limit of source' };
    expect((await cli(['wave', 'plan', 'w1'])).code).toBe(1);
  });
});

function window(time: object) {
  return {
    name: 'a',
    orgs: [1],
    flipWindow: { timeZone: 'UTC', times: [{ from: '01:00', to: '02:00', ...time }] },
  };
}
