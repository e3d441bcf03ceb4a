import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.ts';
import type { App } from '../../src/http/types.ts';
import type { ServedOrg } from '../../src/ports/store.ts';
import { bearer, type FakeRoutes, fakeApp } from './fakeService.ts';

let app: App;
let routes: FakeRoutes;
let api: string;
beforeEach(async () => {
  ({ app, routes } = fakeApp());
  api = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => app.close());

const servedOrg = (orgId: number, side: ServedOrg['side']): ServedOrg => ({
  orgId,
  side,
  homeRegion: 'eu-west-2',
  migrationId: `m-${orgId}`,
  sinceMs: Date.UTC(2026, 0, 2),
});
const ask = (headers: Record<string, string> = {}) =>
  app.inject({ url: '/v1/routing', headers: { ...bearer('viewer'), ...headers } });

describe('the routing manifest', () => {
  it('lists who is not at the source, and says so of an org in a hold', async () => {
    routes.routes = {
      revision: 4,
      orgs: [servedOrg(4, 'cluster'), servedOrg(7, 'held'), servedOrg(8, 'unknown'), servedOrg(9, 'source')],
    };
    const since = '2026-01-02T00:00:00.000Z';
    const of = (orgId: number, served: string, cluster: string | null) => ({
      orgId,
      served,
      homeRegion: 'eu-west-2',
      cluster,
      migrationId: `m-${orgId}`,
      since,
    });
    expect((await ask()).json()).toEqual({
      revision: 4,
      otherwise: 'source',
      orgs: [of(4, 'cluster', 'aurora-eu'), of(7, 'held', null), of(8, 'unknown', null)],
    });
  });

  it('is not sent again until something changes, and then at once', async () => {
    const first = await ask();
    const etag = String(first.headers.etag);
    expect((await ask({ 'if-none-match': etag })).statusCode).toBe(304);
    expect(routes.asked.routes).toBe(1);
    routes.routes = { revision: 2, orgs: [servedOrg(4, 'held')] };
    const second = await ask({ 'if-none-match': etag });
    expect([second.statusCode, second.json().orgs.length]).toEqual([200, 1]);
    expect(second.headers.etag).not.toBe(etag);
  });

  it('is looked up once for all who ask together', async () => {
    await Promise.all(Array.from({ length: 100 }, () => ask()));
    expect(routes.asked.revision + routes.asked.routes).toBeLessThan(10);
  });

  it('needs a token', async () => {
    expect((await app.inject({ url: '/v1/routing' })).statusCode).toBe(401);
  });

  it('is written out by the command line', async () => {
    routes.routes = { revision: 4, orgs: [servedOrg(4, 'cluster'), servedOrg(7, 'held')] };
    const cli = async (...argv: string[]) => {
      let out = '';
      const write = (text: string) => {
        out += text;
      };
      const env = { BIGDB_CUTOVER_API: api, BIGDB_CUTOVER_TOKEN: 'token-of-viewer' };
      const code = await run(argv, env, { out: write, err: write, screen: false }, new AbortController().signal);
      return { code, out };
    };
    const shown = await cli('routing', 'export');
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(/^4 +aurora-eu .*\n7 +held .*\nrevision 4; every other org is served by the source$/m);
    expect(JSON.parse((await cli('routing', 'export', '--json')).out).revision).toBe(4);
    expect((await cli('routing')).code).toBe(2);
  });
});
