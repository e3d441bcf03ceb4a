import type { LightMyRequestResponse } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/http/types.ts';
import { waveCommandNames } from '../../src/service/waveStatus.ts';
import { bearer, fakeApp, statusOf } from './fakeService.ts';
import { waveStatus } from './fakeWaves.ts';

const roles = ['viewer', 'operator', 'approver', 'admin'] as const;
type Role = (typeof roles)[number];

/** The lowest role for everything that the API has. A route that is not here fails the test: somebody has to decide. */
const lowest: Readonly<Record<string, Role | null>> = {
  'GET /healthz': null,
  'GET /readyz': null,
  'GET /v1/migrations': 'viewer',
  'POST /v1/migrations': 'operator',
  'GET /v1/migrations/{id}': 'viewer',
  'GET /v1/migrations/{id}/events': 'viewer',
  'GET /v1/migrations/{id}/lag': 'viewer',
  'GET /v1/migrations/{id}/mismatches': 'viewer',
  'GET /v1/migrations/{id}/plan': 'viewer',
  'GET /v1/live/fleet': 'viewer',
  'GET /v1/live/migrations': 'viewer',
  'GET /v1/live/migrations/{id}': 'viewer',
  'GET /v1/live/waves': 'viewer',
  'GET /v1/live/waves/{id}': 'viewer',
  'GET /v1/me': 'viewer',
  'GET /v1/orgs/{orgId}': 'viewer',
  'GET /v1/routing': 'viewer',
  'POST /v1/preflight': 'operator',
  'POST /v1/migrations/{id}/start': 'operator',
  'POST /v1/migrations/{id}/pause': 'operator',
  'POST /v1/migrations/{id}/resume': 'operator',
  'POST /v1/migrations/{id}/rollback': 'operator',
  'POST /v1/migrations/{id}/cancel': 'operator',
  'POST /v1/migrations/{id}/retry': 'operator',
  'POST /v1/migrations/{id}/verify': 'operator',
  'POST /v1/migrations/{id}/approve': 'approver',
  'POST /v1/migrations/{id}/complete': 'approver',
  'POST /v1/migrations/{id}/repair-rows': 'approver',
  'POST /v1/migrations/{id}/schema/accept': 'approver',
  'GET /v1/migrations/{id}/purge': 'viewer',
  'POST /v1/migrations/{id}/purge': 'approver',
  'POST /v1/migrations/{id}/purge/pause': 'operator',
  'POST /v1/migrations/{id}/purge/resume': 'approver',
  'POST /v1/migrations/{id}/purge/cancel': 'operator',
  'GET /v1/freeze': 'viewer',
  'POST /v1/freeze': 'operator',
  'POST /v1/unfreeze': 'approver',
  'POST /v1/clusters/{homeRegion}/rollback': 'operator',
  'GET /v1/audit': 'operator',
  'GET /v1/fleet': 'viewer',
  'POST /v1/fleet/{name}/add': 'approver',
  'POST /v1/fleet/{name}/remove': 'approver',
  'GET /v1/waves': 'viewer',
  'GET /v1/waves/{id}': 'viewer',
  'GET /v1/waves/{id}/orgs': 'viewer',
  'GET /v1/waves/{id}/plan': 'viewer',
  'POST /v1/waves': 'operator',
  'POST /v1/waves/{id}/start': 'operator',
  'GET /v1/webhooks': 'viewer',
  'GET /v1/webhooks/{name}/deliveries': 'viewer',
  'POST /v1/waves/{id}/pause': 'operator',
  'POST /v1/waves/{id}/resume': 'operator',
  'POST /v1/waves/{id}/approve': 'approver',
  'POST /v1/waves/{id}/cancel': 'operator',
  'POST /v1/waves/{id}/rollback': 'operator',
};

/** It only looks: no command, and not in the audit log. */
const onlyLooks: ReadonlySet<string> = new Set(['POST /v1/preflight']);

let app: App;
let parts: ReturnType<typeof fakeApp>;
beforeEach(() => {
  parts = fakeApp();
  ({ app } = parts);
  parts.service.migrations.set('m1', statusOf('m1', 42));
  parts.waves.waves.set('m1', waveStatus('m1', { allowed: [...waveCommandNames] }));
});
afterEach(() => app.close());

function ask(route: string, headers: Record<string, string>, more: object = {}): Promise<LightMyRequestResponse> {
  const [method, path = ''] = route.split(' ');
  const url = path
    .replace('{id}', 'm1')
    .replace('{name}', path.includes('/webhooks/') ? 'changes' : 'proxy-1')
    .replace('{homeRegion}', 'eu-west-2')
    .replace('{orgId}', '42');
  const ofOrg = ['/v1/migrations', '/v1/preflight'].includes(url) ? { orgId: 42 } : { reason: 'CHG-1234', ...more };
  const body = url === '/v1/waves' ? { name: 'of a test', orgs: [42] } : ofOrg;
  return app.inject({ method: method as 'GET', url, headers, ...(method === 'POST' ? { payload: body } : {}) });
}

it('every route of the description has its lowest role here', async () => {
  const reply = await app.inject({ url: '/openapi.json', headers: bearer('viewer') });
  const { paths } = reply.json() as { paths: Record<string, Record<string, { 'x-role'?: Role }>> };
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [
      `${method.toUpperCase()} ${path}`,
      operation['x-role'] ?? null,
    ]),
  );
  expect(Object.fromEntries(described)).toEqual(lowest);
});

describe.each(Object.entries(lowest))('%s', (route, needed) => {
  it.each(roles)(`as %s`, async (role) => {
    const reply = await ask(route, bearer(role));
    if (needed !== null && roles.indexOf(role) < roles.indexOf(needed)) {
      expect(reply.json()).toMatchObject({ status: 403, code: 'ROLE_TOO_LOW' });
      expect([...parts.service.calls, ...parts.fleet.calls].filter(({ actor }) => actor !== undefined)).toEqual([]);
      expect([parts.operations.entries, parts.operations.evacuated]).toEqual([[], []]);
    } else {
      expect(reply.statusCode).toBeLessThan(300);
    }
  });

  it('without a token', async () => {
    const reply = await ask(route, {});
    expect(reply.statusCode < 300).toBe(needed === null);
    if (needed !== null) expect(reply.json()).toMatchObject({ status: 401, code: 'TOKEN_MISSING' });
  });

  it('is in the audit log with who, from where, what and why, if it is a command', async () => {
    await ask(route, bearer('admin'));
    const [entry] = parts.operations.entries;
    if (!route.startsWith('POST') || onlyLooks.has(route)) return expect(entry).toBeUndefined();
    expect(entry).toMatchObject({ actor: 'the admin', role: 'admin', from: '127.0.0.1', outcome: { code: null } });
    expect(JSON.stringify(entry?.input)).toMatch(/CHG-1234|42/);
  });
});

it.each(roles)('a loss is accepted by an approver, not below: %s', async (role) => {
  const reply = await ask('POST /v1/migrations/{id}/rollback', bearer(role), { acceptLoss: true });
  expect(reply.statusCode).toBe(roles.indexOf(role) < roles.indexOf('approver') ? 403 : 200);
});

it('neither description nor event stream is for nobody', async () => {
  for (const url of ['/openapi.json', '/v1/migrations/m1/events', '/v1/nothing']) {
    const reply = await app.inject({ url, headers: { accept: 'text/event-stream' } });
    expect(reply.statusCode).toBe(url === '/v1/nothing' ? 404 : 401);
  }
});

describe('from where a command came', () => {
  const forwarded = { 'x-forwarded-for': '203.0.113.9, 10.0.0.7' };
  const from = async (trustProxy?: readonly string[]) => {
    const own = fakeApp(trustProxy === undefined ? {} : { trustProxy });
    await own.app.inject({
      method: 'POST',
      url: '/v1/freeze',
      payload: { reason: 'a look' },
      headers: { ...bearer('operator'), ...forwarded },
    });
    await own.app.close();
    return own.operations.entries[0]?.from;
  };

  it('is the other end of the connection: anybody can write a header', async () => {
    expect(await from()).toBe('127.0.0.1');
    expect(await from(['192.0.2.1'])).toBe('127.0.0.1');
  });

  it('is what a trusted load balancer says, as far back as those are trusted that said it', async () => {
    expect(await from(['127.0.0.1'])).toBe('10.0.0.7');
    expect(await from(['127.0.0.0/8', '10.0.0.0/8'])).toBe('203.0.113.9');
  });
});
