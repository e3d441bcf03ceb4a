import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/errors/store.ts';
import type { App } from '../../src/http/types.ts';
import type { FakeOperations } from './fakeOperations.ts';
import { bearer, type FakeService, fakeApp } from './fakeService.ts';

let app: App;
let service: FakeService;
let operations: FakeOperations;
beforeEach(() => {
  ({ app, service, operations } = fakeApp());
});
afterEach(() => app.close());

const post = (url: string, payload: unknown, role: 'viewer' | 'operator' | 'approver' = 'operator', headers = {}) =>
  app.inject({ method: 'POST', url, payload: payload as object, headers: { ...bearer(role), ...headers } });

describe('the audit log', () => {
  it('has every command, with who, from where, what and why, and its answer', async () => {
    await post('/v1/migrations', { orgId: 42 });
    await post('/v1/migrations/m1/rollback', { reason: 'the customer asked' });
    await post('/v1/migrations/nobody/pause', {});
    const reply = await app.inject({ url: '/v1/audit', headers: bearer('operator') });
    expect(reply.json().items).toMatchObject([
      {
        actor: 'the operator',
        role: 'operator',
        from: '127.0.0.1',
        action: 'POST /v1/migrations',
        input: { orgId: 42 },
        outcome: { status: 201, code: null },
      },
      {
        action: 'POST /v1/migrations/:id/rollback',
        target: 'm1',
        input: { reason: 'the customer asked' },
        outcome: { status: 200 },
      },
      {
        action: 'POST /v1/migrations/:id/pause',
        target: 'nobody',
        outcome: { status: 404, code: 'MIGRATION_UNKNOWN' },
      },
    ]);
    expect(reply.json().nextAfter).toBe(3);
  });

  it('has nothing of those who only look, and of what was refused before it was understood', async () => {
    await app.inject({ url: '/v1/migrations', headers: bearer('viewer') });
    await post('/v1/migrations', { orgId: 42 }, 'viewer');
    await post('/v1/migrations', { orgId: 'x' });
    expect(operations.entries).toEqual([]);
  });

  it('has who read customers’ values, and who was not let', async () => {
    await post('/v1/migrations', { orgId: 42 });
    const values = '/v1/migrations/m1/mismatches?values=true';
    const refused = await app.inject({ url: values, headers: bearer('operator') });
    expect([refused.statusCode, refused.json().code]).toEqual([403, 'ROLE_TOO_LOW']);
    expect(service.calls.filter(({ method }) => method === 'mismatches')).toEqual([]);
    const shown = await app.inject({ url: values, headers: bearer('approver') });
    expect(shown.headers['cache-control']).toBe('no-store');
    expect(shown.json().values).toMatchObject([
      { source: { Notes: { value: 'ab' } }, target: { Notes: { value: 'ab ' } } },
    ]);
    const without = await app.inject({ url: '/v1/migrations/m1/mismatches', headers: bearer('viewer') });
    expect(without.json()).toMatchObject({ sample: [{ key: { CallLogID: '7' } }], values: null });

    expect(operations.entries.slice(1)).toMatchObject([
      { actor: 'the operator', outcome: { status: 403, code: 'ROLE_TOO_LOW' } },
      {
        actor: 'the approver',
        action: 'GET /v1/migrations/:id/mismatches',
        target: 'm1',
        input: { values: true, limit: 20 },
        outcome: { status: 200 },
      },
    ]);
    operations.failure = new StoreUnavailableError('the store does not answer');
    const unrecorded = await app.inject({ url: values, headers: bearer('approver') });
    expect(unrecorded.statusCode).toBe(503);
    expect(unrecorded.body).not.toContain('Notes');
  });

  it('is the condition: what cannot be recorded is not carried out', async () => {
    operations.failure = new StoreUnavailableError('the store does not answer');
    const reply = await post('/v1/migrations', { orgId: 42 });
    expect(reply.statusCode).toBe(503);
    expect(service.calls).toEqual([]);
  });
});

describe('an idempotency key', () => {
  const key = { 'idempotency-key': 'change-1234' };

  it('has the request carried out once, and answers alike', async () => {
    const first = await post('/v1/migrations', { orgId: 42 }, 'operator', key);
    const again = await post('/v1/migrations', { orgId: 42 }, 'operator', key);
    expect(again.statusCode).toBe(201);
    expect(again.body).toBe(first.body);
    expect(again.headers).toMatchObject({
      etag: first.headers.etag,
      location: first.headers.location,
      'content-type': first.headers['content-type'],
      'idempotency-replayed': 'true',
    });
    expect(service.calls.filter(({ method }) => method === 'create')).toHaveLength(1);
    expect(operations.entries).toHaveLength(1);
  });

  it('keeps a refusal too', async () => {
    const first = await post('/v1/migrations/nobody/pause', {}, 'operator', key);
    const again = await post('/v1/migrations/nobody/pause', {}, 'operator', key);
    expect([first.statusCode, again.statusCode]).toEqual([404, 404]);
    expect(again.body).toBe(first.body);
  });

  it('is one person’s: another’s same key is another key', async () => {
    await post('/v1/migrations', { orgId: 42 }, 'operator', key);
    await post('/v1/migrations', { orgId: 42 }, 'approver', key);
    expect(service.migrations.size).toBe(2);
  });

  it('belongs to one request', async () => {
    await post('/v1/migrations', { orgId: 42 }, 'operator', key);
    const other = await post('/v1/migrations', { orgId: 43 }, 'operator', key);
    expect(other.statusCode).toBe(422);
    expect(other.json().code).toBe('REQUEST_KEY_REUSED');
    expect(service.migrations.size).toBe(1);
  });

  it('is forgotten where the failure may pass', async () => {
    service.failure = new StoreUnavailableError('the store does not answer');
    expect((await post('/v1/migrations', { orgId: 42 }, 'operator', key)).statusCode).toBe(503);
    expect((await post('/v1/migrations', { orgId: 42 }, 'operator', key)).statusCode).toBe(201);
  });

  it('waits for nobody: sent again before it was answered, it is refused', async () => {
    const slow = Promise.withResolvers<void>();
    const create = service.create.bind(service);
    service.create = async (...input) => {
      await slow.promise;
      return create(...input);
    };
    const first = post('/v1/migrations', { orgId: 42 }, 'operator', key);
    await expect.poll(() => operations.entries.length).toBe(1);
    const second = await post('/v1/migrations', { orgId: 42 }, 'operator', key);
    slow.resolve();
    expect(second.json()).toMatchObject({ status: 409, code: 'REQUEST_UNANSWERED' });
    expect((await first).statusCode).toBe(201);
  });

  it.each([' ', 'x'.repeat(256), 'ä'])('%j is none', async (given) => {
    const reply = await post('/v1/migrations', { orgId: 42 }, 'operator', { 'idempotency-key': given });
    expect(reply.json()).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    expect(service.migrations.size).toBe(0);
  });
});

describe('a freeze', () => {
  it('is put by an operator and lifted by an approver, each with a reason', async () => {
    expect((await post('/v1/freeze', {})).statusCode).toBe(400);
    expect((await post('/v1/freeze', { reason: 'incident 7' }, 'viewer')).statusCode).toBe(403);
    const frozen = await post('/v1/freeze', { reason: 'incident 7' });
    expect(frozen.json()).toMatchObject({ frozen: true, by: 'the operator', reason: 'incident 7' });
    expect((await post('/v1/unfreeze', { reason: 'over' })).statusCode).toBe(403);
    expect((await post('/v1/unfreeze', { reason: 'over' }, 'approver')).json()).toMatchObject({ frozen: false });
    const seen = await app.inject({ url: '/v1/freeze', headers: bearer('viewer') });
    expect(seen.json()).toEqual({ frozen: false, by: null, reason: null, since: null });
  });
});

describe('the rollback of a whole cluster', () => {
  it('is an operator’s, with a reason', async () => {
    expect((await post('/v1/clusters/eu-west-2/rollback', {})).statusCode).toBe(400);
    const reply = await post('/v1/clusters/eu-west-2/rollback', { reason: 'incident 7' });
    expect(reply.json()).toEqual({ homeRegion: 'eu-west-2', begun: [], refused: [] });
    expect(operations.evacuated).toEqual(['eu-west-2']);
  });
});
