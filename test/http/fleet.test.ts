import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.ts';
import type { App } from '../../src/http/types.ts';
import { bearer, type FakeFleet, fakeApp } from './fakeService.ts';

let app: App;
let fleet: FakeFleet;
let api: string;
beforeEach(async () => {
  ({ app, fleet } = fakeApp());
  api = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => app.close());

async function cli(argv: readonly string[], role = 'approver') {
  let [out, err] = ['', ''];
  const code = await run(
    argv,
    { BIGDB_CUTOVER_API: api, BIGDB_CUTOVER_TOKEN: `token-of-${role}` },
    {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      screen: false,
    },
    new AbortController().signal,
  );
  return { code, out, err };
}

describe('the fleet over HTTP', () => {
  it('is shown to a viewer, and changed by an approver only, with a reason for a removal', async () => {
    expect((await app.inject({ url: '/v1/fleet', headers: bearer('viewer') })).json()).toMatchObject({
      revision: 3,
      proxies: [{ name: 'proxy-1', standing: 'member' }, { name: 'proxy-2' }],
    });
    const post = (path: string, role: 'operator' | 'approver', payload?: object) =>
      app.inject({ method: 'POST', url: path, headers: bearer(role), ...(payload && { payload }) });
    const remove = '/v1/fleet/proxy-1/remove';
    expect((await post(remove, 'operator', { reason: 'gone' })).statusCode).toBe(403);
    expect((await post(remove, 'approver', {})).json()).toMatchObject({ code: 'REQUEST_INVALID' });
    expect((await post('/v1/fleet/nobody/add', 'approver')).json()).toMatchObject({
      code: 'PROXY_UNKNOWN',
      status: 404,
    });
    expect(fleet.calls.map(({ method }) => method)).toEqual(['add']);
    expect((await post(remove, 'approver', { reason: 'gone' })).json()).toMatchObject({ standing: 'removed' });
    expect(fleet.calls.at(-1)).toMatchObject({
      input: { name: 'proxy-1', reason: 'gone' },
      actor: { name: 'the approver' },
    });
  });
});

describe('the fleet on the command line', () => {
  it('is a table, or one document under --json', async () => {
    const { out } = await cli(['fleet'], 'viewer');
    expect(out).toMatch(/^PROXY +STANDING/);
    expect(out).toMatch(/^proxy-2 +removed +\S+ +not since/m);
    expect(JSON.parse((await cli(['fleet', '--json'])).out).proxies).toHaveLength(2);
  });

  it('is changed by name, and not without a reason for a removal', async () => {
    expect(await cli(['fleet', 'remove', 'proxy-1'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--reason'),
    });
    expect(await cli(['fleet', 'remove', 'proxy-1', '--reason', 'its host burnt'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^proxy-1: removed/),
    });
    expect(JSON.parse((await cli(['fleet', 'add', 'proxy-1', '--json'])).out)).toMatchObject({ standing: 'member' });
    expect((await cli(['fleet', 'add', 'nobody'])).code).toBe(4);
    expect((await cli(['fleet', 'add'])).code).toBe(2);
    expect((await cli(['fleet', 'forget', 'proxy-1'])).code).toBe(2);
    expect((await cli(['fleet', 'add', 'proxy-1'], 'operator')).code).toBe(3);
  });
});
