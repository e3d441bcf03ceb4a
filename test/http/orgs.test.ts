import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.ts';
import type { App } from '../../src/http/types.ts';
import type { FakeOperations } from './fakeOperations.ts';
import { bearer, type FakeOrgs, type FakeService, fakeApp, statusOf } from './fakeService.ts';

let app: App;
let orgs: FakeOrgs;
let service: FakeService;
let operations: FakeOperations;
let api: string;
beforeEach(async () => {
  ({ app, orgs, operations, service } = fakeApp());
  api = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => app.close());

async function cli(...argv: string[]) {
  let [out, err] = ['', ''];
  const code = await run(
    argv,
    { BIGDB_CUTOVER_API: api, BIGDB_CUTOVER_TOKEN: 'token-of-operator' },
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

const finding = (severity: 'refuse' | 'warn') => ({
  code: severity === 'refuse' ? 'PRIMARY_KEY_MISSING' : 'DMS_CONNECTION_UNTESTED',
  severity,
  message: 'CallLogs has none',
  remedy: 'Add one.',
  evidence: { table: 'CallLogs' },
});
const ask = (role: 'viewer' | 'operator', payload: object = { orgId: 42 }) =>
  app.inject({ method: 'POST', url: '/v1/preflight', headers: bearer(role), payload });

describe('preflight', () => {
  it('answers an operator with every finding, and stands in no audit log', async () => {
    orgs.findings = [finding('warn'), finding('refuse')];
    const reply = await ask('operator');
    expect([reply.statusCode, reply.json()]).toMatchObject([
      200,
      { orgId: 42, passed: false, refusals: 1, warnings: 1, findings: [finding('warn'), finding('refuse')] },
    ]);
    expect(await operations.audit(0, 10)).toEqual([]);
  });

  it('costs the databases something: a viewer may not ask for it', async () => {
    expect((await ask('viewer')).statusCode).toBe(403);
    expect((await ask('operator', {})).json()).toMatchObject({ code: 'REQUEST_INVALID' });
    expect((await ask('operator', { orgId: 7 })).json()).toMatchObject({ status: 422, code: 'ORG_UNKNOWN' });
  });

  it('tells a script by its exit code, and a person what to do', async () => {
    expect(await cli('preflight', '42')).toMatchObject({ code: 0, out: expect.stringMatching(/0 refused, 0 warned/) });
    orgs.findings = [finding('warn')];
    expect((await cli('preflight', '42')).code).toBe(0);
    orgs.findings.push(finding('refuse'));
    const { code, out } = await cli('preflight', '42');
    expect(code).toBe(1);
    expect(out.indexOf('PRIMARY_KEY_MISSING')).toBeLessThan(out.indexOf('DMS_CONNECTION_UNTESTED'));
    for (const part of ['refuse', 'Add one.', '{"table":"CallLogs"}', '1 refused, 1 warned of']) {
      expect(out).toContain(part);
    }
    const json = await cli('preflight', '42', '--json');
    expect([json.code, JSON.parse(json.out).refusals]).toEqual([1, 1]);
    expect((await cli('preflight', '7')).code).toBe(4);
    expect((await cli('preflight', 'm-7')).code).toBe(2);
  });
});

describe('an org', () => {
  it('says where it is served, and is not found where nobody knows it', async () => {
    const get = (id: string) => app.inject({ url: `/v1/orgs/${id}`, headers: bearer('viewer') });
    expect((await get('42')).json()).toMatchObject({ orgId: 42, served: 'cluster', cluster: 'aurora-eu' });
    expect((await get('7')).json()).toMatchObject({ status: 404, code: 'ORG_UNKNOWN' });
    expect((await get('4x')).json()).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    expect((await cli('org', '42')).out).toMatch(/served by +aurora-eu since [\s\S]*\nm1 +soaking/);
    expect((await cli('org', '7')).code).toBe(4);
  });
});

describe('a plan', () => {
  it('is shown with every act, what it waits for, and what it could not know', async () => {
    expect((await app.inject({ url: '/v1/migrations/m1/plan', headers: bearer('viewer') })).json()).toMatchObject({
      state: 'ready',
      phases: [{ phase: 'flipping.hold', acts: [{ where: 'proxy-1' }], waits: ['the drain'] }],
    });
    service.migrations.set('m1', statusOf('m1', 42));
    const { code, out } = await cli('plan', '42');
    expect(code).toBe(0);
    for (const part of ['flipping.hold', 'rule 1000: to hostgroup 9000', 'waits for', 'the binlog position']) {
      expect(out).toContain(part);
    }
    expect(JSON.parse((await cli('plan', 'm1', '--json')).out).state).toBe('ready');
    expect((await cli('plan', '43')).code).toBe(4);
  });
});
