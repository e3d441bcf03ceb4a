import { readdirSync, readFileSync } from 'node:fs';
import type { InjectOptions } from 'fastify';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemStatus } from '../../src/errors/httpStatus.ts';
import {
  CommandNotAllowedError,
  NoHomeRegionError,
  OrgAlreadyMovingError,
  PlaceError,
  StoreUnavailableError,
  UnknownOrgError,
} from '../../src/errors/index.ts';
import { problemSchema } from '../../src/http/schemas.ts';
import type { App } from '../../src/http/types.ts';
import { bearer, type FakeService, fakeApp, statusOf } from './fakeService.ts';

let app: App;
let service: FakeService;
const log: string[] = [];
beforeEach(() => {
  log.length = 0;
  const logger = pino({ level: 'trace' }, { write: (line) => log.push(line) });
  ({ app, service } = fakeApp({ logger }));
  service.migrations.set('m1', statusOf('m1', 42));
});
afterEach(() => app.close());

type Request = InjectOptions;

async function problemOf(request: Request) {
  const reply = await app.inject(request);
  expect(reply.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  const problem = problemSchema.strict().parse(reply.json());
  expect(problem.status).toBe(reply.statusCode);
  expect(problem.remedy).not.toBe('');
  expect(problem.requestId).toBe(reply.headers['x-request-id']);
  return { ...problem, headers: reply.headers };
}

const asked = () => service.calls.map((call) => call.method);

describe('error codes', () => {
  const folder = new URL('../../src/errors/', import.meta.url);
  const codes = readdirSync(folder)
    .flatMap((file) => [...readFileSync(new URL(file, folder), 'utf8').matchAll(/\bcode(?:: string)? = '([A-Z_]+)'/g)])
    .map(([, code = '']) => code);

  it('are found', () => expect(codes.length).toBeGreaterThan(30));
  it.each(codes)('%s has an HTTP status', (code) => expect(problemStatus[code]).toBeGreaterThanOrEqual(400));
  it('are the only ones with a status', () =>
    expect(Object.keys(problemStatus).filter((code) => !codes.includes(code))).toEqual([]));
  it('are each used once', () => expect(new Set(codes).size).toBe(codes.length));
});

describe('a failure of the service', () => {
  const create: Request = {
    method: 'POST',
    url: '/v1/migrations',
    headers: bearer('operator'),
    payload: { orgId: 42 },
  };

  it.each<[Error, number, string]>([
    [new UnknownOrgError(42), 422, 'ORG_UNKNOWN'],
    [new NoHomeRegionError(42, null), 422, 'ORG_WITHOUT_HOME_REGION'],
    [new OrgAlreadyMovingError(42, 'm1', 'ready'), 409, 'ORG_ALREADY_MOVING'],
    [new PlaceError('lon1', 'ping', new Error('down')), 503, 'PLACE_UNAVAILABLE'],
    [new StoreUnavailableError('the store does not answer'), 503, 'STORE_UNAVAILABLE'],
  ])('%s → %i', async (failure, status, code) => {
    service.failure = failure;
    const problem = await problemOf(create);
    expect(problem).toMatchObject({ status, code, detail: failure.message, type: `urn:bigdb-cutover:problem:${code}` });
    expect(problem.headers['retry-after']).toBe(status === 503 ? '2' : undefined);
  });

  it('409 names what is allowed', async () => {
    service.failure = new CommandNotAllowedError('approve', 'planned', ['start', 'cancel']);
    const problem = await problemOf({ method: 'POST', url: '/v1/migrations/m1/approve', headers: bearer('approver') });
    expect(problem).toMatchObject({ status: 409, code: 'COMMAND_NOT_ALLOWED', allowed: ['start', 'cancel'] });
  });

  it('carries details that JSON has no word for', async () => {
    service.failure = new PlaceError('lon1', 'ping', new Error('x'));
    Object.assign((service.failure as PlaceError).details, { gtid: 2n ** 64n });
    expect((await problemOf(create)).details).toMatchObject({ gtid: '18446744073709551616' });
  });

  it.each([
    [new Error('password=hunter2')],
    ['hunter2'],
    [undefined],
  ])('that nobody foresaw tells nothing: %s', async (failure) => {
    service.failure = failure ?? new TypeError('hunter2');
    const problem = await problemOf(create);
    expect(problem).toMatchObject({ status: 500, code: 'INTERNAL', details: {} });
    expect(JSON.stringify(problem)).not.toContain('hunter2');
    expect(log.some((line) => line.includes(problem.requestId) && line.includes('"level":50'))).toBe(true);
  });

  it('an answer against its own schema is a fault of ours', async () => {
    service.migrations.set('m2', { ...statusOf('m2', 1), since: 'yesterday' });
    expect(await problemOf({ url: '/v1/migrations/m2', headers: bearer('viewer') })).toMatchObject({
      code: 'INTERNAL',
    });
  });
});

describe('who may do what', () => {
  const routes = [
    ['GET', '/v1/migrations', 'viewer'],
    ['GET', '/v1/migrations/m1', 'viewer'],
    ['GET', '/v1/migrations/m1/events', 'viewer'],
    ['GET', '/openapi.json', 'viewer'],
    ['POST', '/v1/migrations', 'operator'],
    ['POST', '/v1/migrations/m1/start', 'operator'],
    ['POST', '/v1/migrations/m1/pause', 'operator'],
    ['POST', '/v1/migrations/m1/resume', 'operator'],
    ['POST', '/v1/migrations/m1/rollback', 'operator'],
    ['POST', '/v1/migrations/m1/cancel', 'operator'],
    ['POST', '/v1/migrations/m1/retry', 'operator'],
    ['POST', '/v1/migrations/m1/approve', 'approver'],
    ['POST', '/v1/migrations/m1/complete', 'approver'],
  ] as const;
  const order = ['viewer', 'operator', 'approver', 'admin'] as const;

  it.each(routes)('%s %s needs a token and the role %s', async (method, url, needed) => {
    const payload = url === '/v1/migrations' && method === 'POST' ? { payload: { orgId: 7 } } : {};
    for (const headers of [{}, { authorization: 'Basic YTpi' }, { authorization: 'Bearer ' }]) {
      const problem = await problemOf({ method, url, headers, ...payload });
      expect(problem).toMatchObject({ status: 401, code: 'TOKEN_MISSING' });
      expect(problem.headers['www-authenticate']).toMatch(/^Bearer realm=/);
    }
    const wrong = await problemOf({ method, url, headers: { authorization: 'Bearer nobody' }, ...payload });
    expect(wrong).toMatchObject({ status: 401, code: 'TOKEN_REFUSED' });
    for (const role of order.slice(0, order.indexOf(needed))) {
      const problem = await problemOf({ method, url, headers: bearer(role), ...payload });
      expect(problem).toMatchObject({ status: 403, code: 'ROLE_TOO_LOW', details: { role, needed } });
    }
    expect(asked()).toEqual([]);
    for (const role of order.slice(order.indexOf(needed))) {
      const reply = await app.inject({ method, url, headers: bearer(role), ...payload });
      expect(reply.statusCode).toBeLessThan(300);
    }
  });

  it('no token is ever logged', async () => {
    await app.inject({ url: '/v1/migrations', headers: bearer('admin') });
    service.failure = new Error('x');
    await app.inject({ url: '/v1/migrations', headers: bearer('admin') });
    expect(log.length).toBeGreaterThan(0);
    expect(log.join('')).not.toContain('token-of-admin');
  });
});

describe('bad input', () => {
  const headers = bearer('admin');
  const post = (url: string, payload: unknown): Request => ({
    method: 'POST',
    url,
    headers,
    payload: payload as object,
  });

  it.each<[what: string, request: Request, paths: string[]]>([
    ['no body', { method: 'POST', url: '/v1/migrations', headers }, ['body']],
    ['an array', post('/v1/migrations', []), ['body']],
    ['no orgId', post('/v1/migrations', {}), ['body.orgId']],
    ['a text', post('/v1/migrations', { orgId: '42' }), ['body.orgId']],
    ['a fraction', post('/v1/migrations', { orgId: 4.2 }), ['body.orgId']],
    ['zero', post('/v1/migrations', { orgId: 0 }), ['body.orgId']],
    ['too large', post('/v1/migrations', { orgId: 2 ** 32 }), ['body.orgId']],
    [
      'three faults',
      post('/v1/migrations', { orgId: null, x: 1, policy: { lagGateMs: 'a', y: 2 } }),
      ['body.orgId', 'body.policy.lagGateMs', 'body.policy.y', 'body.x'],
    ],
    ['a policy that is none', post('/v1/migrations', { orgId: 1, policy: 'strict' }), ['body.policy']],
    ['reason too long', post('/v1/migrations/m1/start', { reason: 'x'.repeat(1_001) }), ['body.reason']],
    ['reason empty', post('/v1/migrations/m1/start', { reason: '  ' }), ['body.reason']],
    ['reason of another type', post('/v1/migrations/m1/start', { reason: 1 }), ['body.reason']],
    ['unknown key', post('/v1/migrations/m1/start', { force: true }), ['body.force']],
    ['a bad id', post('/v1/migrations/%20x/start', {}), ['params.id']],
    ['limit', { url: '/v1/migrations?limit=0', headers }, ['query.limit']],
    ['limit too large', { url: '/v1/migrations?limit=501', headers }, ['query.limit']],
    ['limit twice', { url: '/v1/migrations?limit=1&limit=2', headers }, ['query.limit']],
    [
      'all of a query',
      { url: '/v1/migrations?limit=x&cursor=&state=1&homeRegion=!&orgId=-1&z=1', headers },
      ['query.cursor', 'query.homeRegion', 'query.limit', 'query.orgId', 'query.state', 'query.z'],
    ],
    ['after', { url: '/v1/migrations/m1/events?after=-1&limit=1001', headers }, ['query.after', 'query.limit']],
    [
      'Last-Event-ID',
      { url: '/v1/migrations/m1/events', headers: { ...headers, accept: 'text/event-stream', 'last-event-id': 'x' } },
      ['headers.last-event-id'],
    ],
  ])('%s: 400 with the path of every fault', async (_what, request, paths) => {
    const problem = await problemOf(request);
    expect(problem).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    const faults = problem.details.faults as { path: string }[];
    expect(faults.map((fault) => fault.path).toSorted()).toEqual(paths);
    expect(asked()).toEqual([]);
  });

  const json = { ...headers, 'content-type': 'application/json' };
  it.each<[what: string, request: Request, status: number, code: string]>([
    [
      'malformed JSON',
      { method: 'POST', url: '/v1/migrations', headers: json, payload: '{"orgId": 42' },
      400,
      'REQUEST_MALFORMED',
    ],
    [
      'an empty body that claims to be JSON',
      { method: 'POST', url: '/v1/migrations/m1/start', headers: json, payload: '' },
      400,
      'REQUEST_MALFORMED',
    ],
    [
      'a prototype',
      { method: 'POST', url: '/v1/migrations', headers: json, payload: '{"__proto__": {"orgId": 1}}' },
      400,
      'REQUEST_MALFORMED',
    ],
    [
      'another media type',
      { method: 'POST', url: '/v1/migrations', headers: { ...headers, 'content-type': 'text/xml' }, payload: '<a/>' },
      415,
      'MEDIA_TYPE_UNSUPPORTED',
    ],
    [
      'too much',
      { method: 'POST', url: '/v1/migrations', headers: json, payload: JSON.stringify({ x: 'y'.repeat(70_000) }) },
      413,
      'BODY_TOO_LARGE',
    ],
    ['a path that is none', { url: '/v1/%zz', headers }, 400, 'REQUEST_MALFORMED'],
    ['an unknown path', { url: '/v1/nothing?token=x', headers }, 404, 'ENDPOINT_UNKNOWN'],
    ['an unknown command', { method: 'POST', url: '/v1/migrations/m1/explode', headers }, 404, 'ENDPOINT_UNKNOWN'],
    ['an unknown migration', { url: '/v1/migrations/m9', headers }, 404, 'MIGRATION_UNKNOWN'],
    ['an id far too long', { url: `/v1/migrations/${'m'.repeat(200)}`, headers }, 400, 'REQUEST_MALFORMED'],
    ['events of an unknown migration', { url: '/v1/migrations/m9/events', headers }, 404, 'MIGRATION_UNKNOWN'],
    [
      'a stream of an unknown migration',
      { url: '/v1/migrations/m9/events', headers: { ...headers, accept: 'text/event-stream' } },
      404,
      'MIGRATION_UNKNOWN',
    ],
  ])('%s: %j → %i %s', async (_what, request, status, code) => {
    expect(await problemOf(request)).toMatchObject({ status, code });
    expect(asked().filter((method) => method !== 'get' && method !== 'events')).toEqual([]);
  });

  it.each([
    ['DELETE', '/v1/migrations/m1', ['GET', 'HEAD']],
    ['PUT', '/v1/migrations', ['POST', 'GET', 'HEAD']],
    ['GET', '/v1/migrations/m1/start', ['POST']],
    ['PATCH', '/openapi.json', ['GET', 'HEAD']],
  ] as const)('%s %s: 405 names what is allowed', async (method, url, allowed) => {
    const problem = await problemOf({ method, url, headers });
    expect(problem).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' });
    expect(problem.allowed?.toSorted()).toEqual(allowed.toSorted());
    expect(String(problem.headers.allow).split(', ').toSorted()).toEqual(allowed.toSorted());
    expect(await problemOf({ method, url })).toMatchObject({ status: 401 });
  });
});
