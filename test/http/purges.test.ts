import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.ts';
import type { App } from '../../src/http/types.ts';
import { bearer, type FakePurges, type FakeService, fakeApp, statusOf } from './fakeService.ts';

let app: App;
let purges: FakePurges;
let service: FakeService;
let api: string;
beforeEach(async () => {
  ({ app, purges, service } = fakeApp());
  service.migrations.set('m1', statusOf('m1', 42, { state: 'completed', outcome: 'completed', purge: purges.status }));
  api = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => app.close());

async function cli(...argv: string[]) {
  let [out, err] = ['', ''];
  const write = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    screen: false,
  };
  const env = { BIGDB_CUTOVER_API: api, BIGDB_CUTOVER_TOKEN: 'token-of-approver' };
  const code = await run(argv, env, write, new AbortController().signal);
  return { code, out, err };
}

const post = (payload: object) =>
  app.inject({ method: 'POST', url: '/v1/migrations/m1/purge', headers: bearer('approver'), payload });

describe('a purge', () => {
  it('is ordered with a reason, or only looked at', async () => {
    expect((await post({})).json()).toMatchObject({ code: 'REQUEST_INVALID' });
    expect((await post({ reason: 'over', dryRun: true })).json()).toMatchObject({ plan: { rows: 1_000, chunks: 2 } });
    expect((await post({ reason: 'over' })).json()).toMatchObject({ plan: null, purge: { state: 'running' } });
    expect(purges.asked).toEqual(['plan', 'order: over']);
  });

  it('that nobody ordered is not found', async () => {
    const reply = await app.inject({ url: '/v1/migrations/m2/purge', headers: bearer('viewer') });
    expect(reply.statusCode).toBe(404);
    expect(reply.json()).toMatchObject({ code: 'PURGE_UNKNOWN' });
  });

  it('is given by the command line, which says what would go, how far it is, and what is missing', async () => {
    expect(await cli('purge', '42', '--dry-run')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/org 42 may be purged: 1000 rows in 2 chunks or more[\s\S]*lon1 +CallLogs +1000/),
    });
    expect(await cli('purge', '42', '--reason', 'CHG-1')).toMatchObject({
      code: 0,
      out: 'org 42: purge running, 250 of 1000 rows deleted, about 90 s to go\n',
    });
    for (const word of ['pause', 'resume', 'cancel', 'status']) {
      expect(await cli('purge', word, '42')).toMatchObject({ code: 0 });
    }
    expect(purges.asked).toEqual(['plan', 'order: CHG-1', 'pause', 'resume', 'cancel', 'purge']);
    expect(await cli('purge', '42')).toMatchObject({ code: 2, err: expect.stringContaining('--reason') });
    expect(await cli('purge', 'pause', '42', '--dry-run')).toMatchObject({ code: 2 });
    expect(await cli('purge')).toMatchObject({ code: 2 });
    expect((await cli('status', '42')).out).toContain('purge         purge running, 250 of 1000 rows deleted');
  });
});
