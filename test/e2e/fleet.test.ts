import { randomBytes } from 'node:crypto';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DatabaseServer, pollUntil } from '../../infra/lab/databases/index.ts';
import { LabApi } from '../../infra/lab/demo/api.ts';
import type { ControllerProcess } from '../../infra/lab/estate/controllerProcess.ts';
import { configureProxy } from '../../infra/lab/estate/proxies.ts';
import { startProxySql } from '../../infra/lab/proxysql/start.ts';
import { all, Stage } from './stage.ts';
import { allThere, openTransaction, SteadyWriter, stopAndLook } from './writer.ts';

const policy = { reverseLagMs: 800, reverseLagForMs: 600, soakMs: 600_000 };
/** The proxy that dies. */
const doomed = 2;

let stage: Stage;
/** The controller that owns the migrations. */
let first: ControllerProcess;
let second: ControllerProcess;
/** An engineer at another controller than the one that owns the migrations. */
let elsewhere: LabApi;
const ready: { readonly orgId: number; readonly id: string }[] = [];
beforeAll(async () => {
  stage = await Stage.start({ orgs: 6, proxies: 3, rows: 100, policy });
  first = stage.controller;
  ready.push(
    ...(await all(stage.lab.orgs.slice(0, 5).map(async ({ orgId }) => ({ orgId, id: await stage.toReady(orgId) })))),
  );
  second = await stage.lab.controller('elsewhere');
  elsewhere = new LabApi(() => second.api, stage.lab.tokens);
});
afterAll(() => stage?.stop());

let orgId: number;
let id: string;
/** Clients at the proxies that live on. */
let writers: SteadyWriter[];

async function nextOrg(): Promise<void> {
  const next = ready.shift();
  if (next === undefined) throw new Error('one org for each test');
  ({ orgId, id } = next);
  writers = await Promise.all([0, 1].map((index) => SteadyWriter.start(stage, orgId, index)));
}

const nameOf = (index: number) => stage.proxy(index).name;

async function proxyOf(api: LabApi, name = nameOf(doomed)) {
  const found = (await api.fleet()).proxies.find((proxy) => proxy.name === name);
  if (found === undefined) throw new Error(`the fleet has no ${name}`);
  return found;
}

/** One write of the org through a proxy; the error where it was refused. */
async function write(proxyIndex: number, payload: string): Promise<unknown> {
  const client = await stage.client(orgId, proxyIndex);
  try {
    await client.query('INSERT INTO CdrTasks (OrgID, CdrRef, Payload) VALUES (?, ?, ?)', [
      orgId,
      randomBytes(16),
      payload,
    ]);
    return null;
  } catch (error) {
    return error;
  } finally {
    client.destroy();
  }
}

async function storedAt(server: DatabaseServer, payload: string): Promise<number> {
  const sql = 'SELECT 1 FROM BigDB.CdrTasks WHERE OrgID = ? AND Payload = ?';
  return (await stage.at<RowDataPacket[]>(server, sql, [orgId, payload])).length;
}

async function goesOn(): Promise<void> {
  const before = writers.map(({ acknowledged }) => acknowledged.length);
  await pollUntil('writes at the proxies that live', async () =>
    writers.every(({ acknowledged }, index) => acknowledged.length > (before[index] ?? 0)),
  );
}

/** What `/readyz` misses. */
async function missing(controller: ControllerProcess): Promise<string> {
  const reply = await fetch(`${controller.api}/readyz`);
  return reply.ok ? '' : JSON.stringify(await reply.json());
}

/** The stale proxy gets its routes before it counts again. */
async function addBack(): Promise<void> {
  const added = await elsewhere.addProxy(nameOf(doomed));
  expect(added).toMatchObject({ standing: 'member', by: 'lab-approver', evidence: { silent: [] } });
  const rules = await Promise.all(
    stage.lab.proxies.map((_, index) =>
      stage.admin(
        index,
        'SELECT rule_id, username, match_digest, destination_hostgroup FROM runtime_mysql_query_rules ORDER BY rule_id',
      ),
    ),
  );
  expect(rules[doomed]).toEqual(rules[0]);
  expect((await proxyOf(stage.api)).standing).toBe('member');
}

/** Approves again where the tries were spent meanwhile. */
async function onCluster(): Promise<void> {
  await pollUntil(
    'the org to be on the cluster',
    async () => {
      const { state } = await stage.api.get(id);
      if (state === 'ready') await stage.api.command(id, 'approve');
      return state.startsWith('soaking');
    },
    { everyMs: 100 },
  );
}

describe('a proxy is not removed', () => {
  it('while it lives, while it is frozen, without a reason, or where there is none of that name', async () => {
    const name = nameOf(doomed);
    const before = await elsewhere.fleet();
    expect(await stage.refusal(elsewhere.removeProxy(name, 'a slip'))).toMatchObject({
      status: 409,
      problem: { code: 'FLEET_REMOVE_REFUSED', details: { why: expect.stringContaining('a process listens') } },
    });
    stage.proxy(doomed).freeze();
    try {
      await pollUntil('the silence to be seen', async () => (await proxyOf(elsewhere)).reachable === false);
      expect(await stage.refusal(elsewhere.removeProxy(name, 'it looks dead'))).toMatchObject({
        status: 409,
        problem: {
          code: 'FLEET_REMOVE_REFUSED',
          remedy: expect.stringContaining('Stop'),
          details: { why: expect.stringContaining('a process listens'), evidence: { host: '127.0.0.1' } },
        },
      });
    } finally {
      stage.proxy(doomed).thaw();
    }
    expect(await stage.refusal(elsewhere.removeProxy('nobody', 'a slip'))).toMatchObject({ status: 404 });
    expect(await stage.refusal(elsewhere.removeProxy(name, ' '))).toMatchObject({ status: 400 });
    expect((await elsewhere.fleet()).revision).toBe(before.revision);
    await pollUntil('its answer', async () => (await proxyOf(elsewhere)).reachable === true);
  });
});

describe('a proxy that is dead for good', () => {
  it('keeps an automatic way back waiting until it is removed; then the org goes back without it, and nothing is lost', async () => {
    await nextOrg();
    const atDoomed = await SteadyWriter.start(stage, orgId, doomed);
    const before = await stage.toSoaking(id);
    expect(before.verification).toMatchObject({ outcome: 'equal' });
    await stage.proxy(doomed).kill('SIGKILL');
    const task = `bigdb-org${orgId}-reverse`;
    await stage.lab.dms.faults.applyLag(3_000, task);
    await stage.untilState(id, 'rollingBack');
    await stage.lab.dms.faults.applyLag(0, task);
    const name = nameOf(doomed);
    const waiting = await stage.until(id, 'waiting for the proxy', ({ state, waitsFor }) => {
      return state === 'rollingBack.prepare' && (waitsFor ?? '').includes(name);
    });
    // The cluster serves meanwhile: nothing is held, and nobody at the other proxies notices.
    expect(waiting.serving).toBe('cluster');
    expect(waiting.waitsFor).toContain('removed from the fleet');
    await goesOn();
    expect(await proxyOf(stage.api)).toMatchObject({
      standing: 'member',
      reachable: false,
      silentSince: expect.any(String),
      heldOrgs: [orgId],
    });

    // Asked of a controller that does not own the migration: the owner sees it before its next try.
    const removed = await elsewhere.removeProxy(name, 'its host burnt');
    expect(removed).toMatchObject({
      standing: 'removed',
      by: 'lab-approver',
      reason: 'its host burnt',
      evidence: { kind: 'nobody listens', knocks: expect.arrayContaining([expect.any(Object)]) },
    });
    const back = await stage.untilState(id, 'rolledBack');
    expect(back.waitsFor).toBeNull();
    await goesOn();
    const [site = stage.cluster] = stage.sites;
    // Its clients saw the connection go and no new one; everybody else saw a pause.
    expect(atDoomed.errors.length).toBe(1);
    expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
    expect((await proxyOf(stage.api)).heldOrgs).toEqual([]);
    await pollUntil('nobody to miss it', async () => !(await missing(first)).includes(name));

    // It comes back by itself, from its disk: it still sends the org to the cluster, where the fence stops its writes.
    await stage.proxy(doomed).restart();
    await pollUntil('its return to be told', async () => (await missing(first)).includes('answers again'));
    // Each controller sees it by itself.
    await pollUntil('the other controller to see it', async () => (await proxyOf(elsewhere)).warning !== null);
    expect(await proxyOf(elsewhere)).toMatchObject({ standing: 'removed', warning: expect.stringContaining('stale') });
    expect((await stage.routeStates(orgId))[doomed]).toBe('cluster');
    await pollUntil('its client to meet the fence', async () => atDoomed.errors.length > 1);
    expect(atDoomed.errors.at(-1)?.message).toContain('BIGDB_FENCE');

    await addBack();
    expect((await stage.routeStates(orgId))[doomed]).toBe('source');
    expect(await write(doomed, 'after the return')).toBeNull();
    await pollUntil('nothing to be told', async () => !(await missing(first)).includes('answers again'));
    expect(await stopAndLook(stage, [...writers, atDoomed], site)).toEqual(allThere);
    expect(await storedAt(site, 'after the return')).toBe(1);
    expect(await storedAt(stage.cluster, 'after the return')).toBe(0);
  });

  it('in a hold: the others are released at once, the retries end with its removal, and a flip during its return finds it', async () => {
    await nextOrg();
    const transaction = await openTransaction(stage, orgId, 0);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId, doomed);
    await stage.proxy(doomed).kill('SIGKILL');
    await transaction.end();
    const aborted = await stage.untilAborted(id);
    expect(aborted.decision).toBe('abort');
    await goesOn();
    const name = nameOf(doomed);
    const named = await stage.until(id, 'a status that names it', ({ waitsFor, reason }) =>
      `${waitsFor} ${reason?.message}`.includes(name),
    );
    expect(named.serving).toBe('source');
    await elsewhere.removeProxy(name, 'its disk is broken');
    // Idempotent: the same answer, and no second proof is asked for.
    expect(await elsewhere.removeProxy(name, 'twice')).toMatchObject({ reason: 'its disk is broken' });
    await onCluster();
    await stage.proxy(doomed).restart();
    await pollUntil('its answer', async () => (await proxyOf(elsewhere)).reachable === true);
    // From its disk it comes with the hold: whoever came through it would wait.
    expect((await stage.routeStates(orgId))[doomed]).toBe('held');
    expect((await proxyOf(elsewhere)).heldOrgs).toContain(orgId);

    // Another org flips while it is added: it either waits, or was bound to the fleet before, and is tried again.
    const moved = { orgId, id };
    const movedWriters = writers;
    await nextOrg();
    await stage.api.command(id, 'approve');
    await addBack();
    await onCluster();
    expect((await stage.routeStates(orgId)).slice(0, 3)).toEqual(['cluster', 'cluster', 'cluster']);
    expect((await stage.routeStates(moved.orgId)).slice(0, 3)).toEqual(['cluster', 'cluster', 'cluster']);
    expect(await write(doomed, 'through the new member')).toBeNull();
    expect(await storedAt(stage.cluster, 'through the new member')).toBe(1);
    expect([...writers, ...movedWriters].flatMap(({ errors }) => errors)).toEqual([]);
    expect(await stopAndLook(stage, [...writers, ...movedWriters], stage.cluster)).toEqual(allThere);
    await stage.toCompleted(id);
    await stage.toCompleted(moved.id);
  });
});

describe('a proxy is added', () => {
  it('not while users are missing there, a server of the cluster, or a rule that all members have', async () => {
    const { orgId: other } = stage.org(5);
    await stage.proxy(doomed).kill('SIGKILL');
    await elsewhere.removeProxy(nameOf(doomed), 'for a test');
    expect(await stage.refusal(elsewhere.addProxy(nameOf(doomed)))).toMatchObject({
      status: 503,
      problem: { code: 'PROXY_UNAVAILABLE' },
    });
    await stage.proxy(doomed).restart();
    const refusals = async () => {
      const { status, problem } = await stage.refusal(elsewhere.addProxy(nameOf(doomed)));
      expect({ status, code: problem.code }).toEqual({ status: 409, code: 'FLEET_ADD_REFUSED' });
      return JSON.stringify(problem.details);
    };
    await stage.admin(doomed, `DELETE FROM mysql_users WHERE username = 'org_${other}'`, 'LOAD MYSQL USERS TO RUNTIME');
    expect(await refusals()).toContain(`users are missing: org_${other}`);
    await stage.admin(doomed, 'LOAD MYSQL USERS FROM DISK', 'LOAD MYSQL USERS TO RUNTIME');
    await stage.admin(
      doomed,
      'UPDATE mysql_servers SET port = 1 WHERE hostgroup_id = 20',
      'LOAD MYSQL SERVERS TO RUNTIME',
    );
    expect(await refusals()).toContain('hostgroup 20 has');
    await stage.admin(doomed, 'LOAD MYSQL SERVERS FROM DISK', 'LOAD MYSQL SERVERS TO RUNTIME');
    await stage.admin(doomed, 'DELETE FROM mysql_query_rules WHERE rule_id = 100', 'LOAD MYSQL QUERY RULES TO RUNTIME');
    expect(await refusals()).toContain('differ from the members’: 100');
    await stage.admin(doomed, 'LOAD MYSQL QUERY RULES FROM DISK', 'LOAD MYSQL QUERY RULES TO RUNTIME');
    expect((await proxyOf(stage.api)).standing).toBe('removed');
    // Asked of two controllers at once, one adds it; the other is told that it is done, or under way.
    const both = await Promise.allSettled([stage.api, elsewhere].map((api) => api.addProxy(nameOf(doomed))));
    const refused = both.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeLessThan(2);
    for (const each of refused) {
      expect(each).toMatchObject({ reason: { status: 409, problem: { code: 'FLEET_BUSY' } } });
    }
    await addBack();
  });

  it('by another controller, where the first died in it: a flip waits for its lease and no longer', async () => {
    await nextOrg();
    await stage.proxy(doomed).kill('SIGKILL');
    await elsewhere.removeProxy(nameOf(doomed), 'for a test');
    await stage.proxy(doomed).restart();
    // A hold that does not end keeps it waiting for rest.
    const transaction = await openTransaction(stage, orgId, 0);
    await stage.api.command(id, 'approve');
    await stage.untilHeld(orgId);
    const adding = elsewhere.addProxy(nameOf(doomed)).catch((error: unknown) => error);
    await pollUntil('the lease', async () => (await stage.api.fleet()).joining === nameOf(doomed), { everyMs: 5 });
    await second.kill('SIGKILL');
    expect(await adding).toBeInstanceOf(Error);
    await transaction.end();
    await stage.untilAborted(id);
    await onCluster();
    expect(await proxyOf(stage.api)).toMatchObject({ standing: 'removed', heldOrgs: [] });
    expect((await stage.api.fleet()).joining).toBeNull();
    expect((await stage.routeStates(orgId)).slice(0, 2)).toEqual(['cluster', 'cluster']);
    expect(await stage.api.addProxy(nameOf(doomed))).toMatchObject({ standing: 'member' });
    expect((await stage.routeStates(orgId))[doomed]).toBe('cluster');
    expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
  });

  it('when the configuration names it for the first time: no member before, a member with all routes afterwards', async () => {
    await nextOrg();
    await stage.toSoaking(id);
    const fresh = await startProxySql({ name: 'proxy-new', baseDir: stage.lab.baseDir });
    try {
      const servers = stage.lab.clusters.map(({ server }) => server);
      const [site = stage.cluster] = stage.sites;
      await configureProxy({ server: fresh, site }, servers, stage.lab.accounts);
      const third = await stage.startController((config) => {
        const [like] = config.proxies;
        config.proxies.push({ ...like, name: fresh.name, adminPort: fresh.adminPort, port: fresh.port });
      });
      const api = new LabApi(() => third.api, stage.lab.tokens);
      await pollUntil('its answer', async () => (await proxyOf(api, fresh.name)).reachable === true);
      expect(await proxyOf(api, fresh.name)).toMatchObject({ standing: 'notAdmitted', warning: expect.any(String) });
      expect(await api.addProxy(fresh.name)).toMatchObject({ standing: 'member', version: expect.any(String) });
      expect(await api.addProxy(fresh.name)).toMatchObject({ name: fresh.name, standing: 'member' });
      const { user = '', password = '', database = '' } = stage.lab.orgs.find((org) => org.orgId === orgId) ?? {};
      const client = await createConnection({ host: fresh.host, port: fresh.port, user, password, database });
      await client.query("INSERT INTO CdrTasks (OrgID, CdrRef, Payload) VALUES (?, ?, 'through the new one')", [
        orgId,
        randomBytes(16),
      ]);
      client.destroy();
      expect(await storedAt(stage.cluster, 'through the new one')).toBe(1);
      // The controllers that do not know it hold nothing without it.
      const before = new LabApi(() => first.api, stage.lab.tokens);
      expect(await proxyOf(before, fresh.name)).toMatchObject({ standing: 'member', configured: false });
    } finally {
      await fresh.stop();
    }
  });
});
