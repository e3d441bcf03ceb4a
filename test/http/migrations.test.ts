import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/http/types.ts';
import { bearer, eventOf, type FakeService, fakeApp, statusOf } from './fakeService.ts';

let app: App;
let service: FakeService;
beforeEach(() => {
  ({ app, service } = fakeApp());
});
afterEach(() => app.close());

describe('migrations', () => {
  it('are created: 201, with the place to look', async () => {
    const reply = await app.inject({
      method: 'POST',
      url: '/v1/migrations',
      headers: bearer('operator'),
      payload: { orgId: 42, policy: { lagGateMs: 100 } },
    });
    expect(reply.statusCode).toBe(201);
    expect(reply.headers.location).toBe('/v1/migrations/m1');
    expect(reply.json()).toEqual(statusOf('m1', 42, { policy: { lagGateMs: 100 } }));
    expect(service.calls).toEqual([
      {
        method: 'create',
        input: { orgId: 42, policy: { lagGateMs: 100 } },
        actor: { name: 'the operator', role: 'operator', from: '127.0.0.1' },
      },
    ]);
  });

  it('are read; a poller that has the version gets 304 until it changes', async () => {
    service.migrations.set('m1', statusOf('m1', 42));
    const url = '/v1/migrations/m1';
    const first = await app.inject({ url, headers: bearer('viewer') });
    expect(first.json()).toEqual(statusOf('m1', 42));
    const etag = String(first.headers.etag);
    for (const tag of [etag, `"x", ${etag}`, etag.replace('W/', ''), '*']) {
      const again = await app.inject({ url, headers: { ...bearer('viewer'), 'if-none-match': tag } });
      expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', etag]);
    }
    service.migrations.set('m1', statusOf('m1', 42, { version: 2 }));
    const changed = await app.inject({ url, headers: { ...bearer('viewer'), 'if-none-match': etag } });
    expect(changed.statusCode).toBe(200);
    expect(changed.headers.etag).not.toBe(etag);
    // Lag and progress move without a new version.
    const lag = { forwardMs: 80, reverseMs: null, observedAt: '2026-01-02T03:04:06.000Z' };
    service.migrations.set('m1', statusOf('m1', 42, { lag }));
    const live = await app.inject({ url, headers: { ...bearer('viewer'), 'if-none-match': etag } });
    expect(live.json().lag).toEqual(lag);
  });

  it('are listed page by page, each page with its ETag', async () => {
    for (const n of [1, 2, 3]) service.migrations.set(`m${n}`, statusOf(`m${n}`, n));
    const first = await app.inject({ url: '/v1/migrations?limit=2', headers: bearer('viewer') });
    expect(first.json().items).toHaveLength(2);
    const { nextCursor } = first.json();
    const last = await app.inject({ url: `/v1/migrations?limit=2&cursor=${nextCursor}`, headers: bearer('viewer') });
    expect(last.json()).toEqual({ items: [statusOf('m3', 3)], nextCursor: null });
    const headers = { ...bearer('viewer'), 'if-none-match': String(first.headers.etag) };
    expect((await app.inject({ url: '/v1/migrations?limit=2', headers })).statusCode).toBe(304);
    service.migrations.set('m2', statusOf('m2', 2, { version: 9 }));
    expect((await app.inject({ url: '/v1/migrations?limit=2', headers })).statusCode).toBe(200);
  });

  it('are filtered by what the query says, and only that', async () => {
    const url = '/v1/migrations?state=replicating.fullLoad&homeRegion=eu-west-2&orgId=42';
    expect((await app.inject({ url, headers: bearer('viewer') })).statusCode).toBe(200);
    expect(service.calls[0]?.input).toEqual({
      state: 'replicating.fullLoad',
      homeRegion: 'eu-west-2',
      orgId: 42,
      limit: 50,
    });
  });
});

describe('commands', () => {
  it.each([
    ['no body', undefined, {}],
    ['an empty body', {}, {}],
    ['a reason', { reason: ' because ' }, { reason: 'because' }],
  ])('take %s', async (_what, payload, input) => {
    service.migrations.set('m1', statusOf('m1', 42));
    const reply = await app.inject({
      method: 'POST',
      url: '/v1/migrations/m1/rollback',
      headers: bearer('operator'),
      ...(payload && { payload }),
    });
    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toMatchObject({ state: 'rollback', version: 2 });
    expect(reply.headers.etag).toMatch(/^W\/"[\w-]{22}"$/);
    expect(service.calls[0]).toMatchObject({ method: 'rollback', input: { id: 'm1', ...input } });
  });

  it('take a changed schema from an approver only', async () => {
    service.migrations.set('m1', statusOf('m1', 42));
    const accept = (role: 'operator' | 'approver') =>
      app.inject({ method: 'POST', url: '/v1/migrations/m1/schema/accept', headers: bearer(role) });
    expect((await accept('operator')).json()).toMatchObject({ status: 403, code: 'ROLE_TOO_LOW' });
    expect((await accept('approver')).statusCode).toBe(200);
    expect(service.calls.map(({ method }) => method)).toEqual(['schema accept']);
  });
});

describe('a rollback that accepts a loss', () => {
  const rollback = (role: 'operator' | 'approver', payload: object) =>
    app.inject({ method: 'POST', url: '/v1/migrations/m1/rollback', headers: bearer(role), payload });
  beforeEach(() => {
    service.migrations.set('m1', statusOf('m1', 42));
  });

  it('is an approver’s, and says why', async () => {
    const refused = await rollback('operator', { acceptLoss: true, reason: 'gone' });
    expect(refused.json()).toMatchObject({ status: 403, code: 'ROLE_TOO_LOW', details: { needed: 'approver' } });
    for (const payload of [
      { acceptLoss: true },
      { acceptLoss: true, reason: ' ' },
      { acceptLoss: 'yes', reason: 'x' },
    ]) {
      expect((await rollback('approver', payload)).json()).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    }
    expect(service.calls).toEqual([]);
    expect((await rollback('approver', { acceptLoss: true, reason: 'gone' })).statusCode).toBe(200);
    expect(service.calls.map(({ input }) => input)).toEqual([{ id: 'm1', acceptLoss: true, reason: 'gone' }]);
  });

  it('is no rollback without loss, and no other command', async () => {
    await rollback('operator', { acceptLoss: false });
    expect(service.calls.map(({ input }) => input)).toEqual([{ id: 'm1' }]);
    const other = await app.inject({
      method: 'POST',
      url: '/v1/migrations/m1/cancel',
      headers: bearer('approver'),
      payload: { acceptLoss: true, reason: 'x' },
    });
    expect(other.json()).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  });
});

describe('events', () => {
  it('come as a page that says where the next begins', async () => {
    service.migrations.set('m1', statusOf('m1', 42));
    service.timeline.push(eventOf(1), eventOf(2), eventOf(3));
    const page = async (query: string) =>
      (await app.inject({ url: `/v1/migrations/m1/events${query}`, headers: bearer('viewer') })).json();
    expect(await page('?limit=2')).toEqual({ items: [eventOf(1), eventOf(2)], nextAfter: 2 });
    expect(await page('?after=2')).toEqual({ items: [eventOf(3)], nextAfter: 3 });
    expect(await page('?after=3')).toEqual({ items: [], nextAfter: 3 });
  });
});

describe('health', () => {
  it('is told without a token', async () => {
    expect((await app.inject('/healthz')).json()).toEqual({ status: 'ok', version: '1.2.3' });
    expect((await app.inject('/readyz')).json()).toEqual({ status: 'ready' });
  });

  it('names what is missing', async () => {
    service.missing = [{ dependency: 'store', message: 'connection refused' }];
    const reply = await app.inject('/readyz');
    expect(reply.statusCode).toBe(503);
    expect(reply.headers['retry-after']).toBe('2');
    expect(reply.json()).toMatchObject({ code: 'NOT_READY', details: { missing: service.missing } });
  });
});

describe('/openapi.json', () => {
  it('describes every route, with every reference resolved', async () => {
    const reply = await app.inject({ url: '/openapi.json', headers: bearer('viewer') });
    const document = reply.json();
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths).toSorted()).toEqual(
      [
        '/healthz',
        '/readyz',
        '/v1/audit',
        '/v1/clusters/{homeRegion}/rollback',
        '/v1/fleet',
        '/v1/fleet/{name}/add',
        '/v1/fleet/{name}/remove',
        '/v1/freeze',
        '/v1/orgs/{orgId}',
        '/v1/preflight',
        '/v1/routing',
        '/v1/live/fleet',
        '/v1/live/migrations',
        '/v1/live/migrations/{id}',
        '/v1/live/waves',
        '/v1/live/waves/{id}',
        '/v1/me',
        '/v1/unfreeze',
        '/v1/migrations',
        '/v1/migrations/{id}',
        '/v1/migrations/{id}/events',
        '/v1/migrations/{id}/lag',
        '/v1/migrations/{id}/mismatches',
        '/v1/migrations/{id}/plan',
        '/v1/migrations/{id}/purge',
        '/v1/migrations/{id}/purge/pause',
        '/v1/migrations/{id}/purge/resume',
        '/v1/migrations/{id}/purge/cancel',
        ...[
          'start',
          'pause',
          'resume',
          'approve',
          'rollback',
          'complete',
          'cancel',
          'retry',
          'schema/accept',
          'verify',
          'repair-rows',
        ].map((command) => `/v1/migrations/{id}/${command}`),
        '/v1/waves',
        '/v1/waves/{id}',
        '/v1/waves/{id}/orgs',
        '/v1/waves/{id}/plan',
        ...['start', 'pause', 'resume', 'approve', 'cancel', 'rollback'].map((command) => `/v1/waves/{id}/${command}`),
        '/v1/webhooks',
        '/v1/webhooks/{name}/deliveries',
      ].toSorted(),
    );
    expect(Object.keys(document.paths['/v1/migrations'])).toEqual(['post', 'get']);
    const references = [...reply.body.matchAll(/"\$ref":"#\/components\/schemas\/(\w*)"/g)].map(([, name]) => name);
    expect(references.length).toBeGreaterThan(20);
    for (const name of references) expect(Object.keys(document.components.schemas)).toContain(name);
    const limit = document.paths['/v1/migrations'].get.parameters.find(
      (each: { name: string }) => each.name === 'limit',
    );
    expect(limit).toMatchObject({
      in: 'query',
      required: false,
      schema: { type: 'integer', maximum: 500, default: 50 },
    });
  });
});

describe('every answer', () => {
  it('carries the request id, the asker’s where it is harmless', async () => {
    const given = await app.inject({ url: '/healthz', headers: { 'x-request-id': 'abc-1.2' } });
    expect(given.headers['x-request-id']).toBe('abc-1.2');
    const refused = await app.inject({ url: '/healthz', headers: { 'x-request-id': 'a b<script>' } });
    expect(refused.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});
