import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { projectFolder } from '../docs/documents.ts';
import { expressions } from '../metrics/monitoring.ts';
import { usesOf } from '../metrics/promql.ts';
import { Scrape } from '../metrics/scrape.ts';
import { type LooseConfig, Stage } from './stage.ts';
import { allThere, SteadyWriter, stopAndLook } from './writer.ts';

const n = (name: string) => `bigdb_cutover_${name}`;
const often = (config: LooseConfig) => {
  config.metrics = { everyMs: 500, queriesEveryMs: 500, storageEveryMs: 1_000 };
  config.routing = { ...config.routing, upkeep: { everyMs: 500 } };
};

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ orgs: 4, rows: 50, policy: { soakMs: 600_000 } });
  await stage.controller.stop();
  await stage.startController(often);
});
afterAll(() => stage?.stop());

const get = (token: string | null) =>
  fetch(`${stage.controller.api}/metrics`, { headers: token === null ? {} : { authorization: `Bearer ${token}` } });

async function scrape(): Promise<Scrape> {
  const reply = await get(stage.lab.tokens.viewer);
  expect(reply.status).toBe(200);
  expect(reply.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return Scrape.parse(await reply.text());
}

async function untilShown(what: string, holds: (now: Scrape) => boolean): Promise<Scrape> {
  let last = await scrape();
  const look = async () => {
    last = await scrape();
    return holds(last);
  };
  await pollUntil(what, look, { timeoutMs: 60_000, everyMs: 100 });
  return last;
}

async function check(...options: string[]): Promise<{ code: number; text: string }> {
  const plugin = join(projectFolder, 'infra/monitoring/check_bigdb_cutover');
  const child = spawn(process.execPath, [plugin, `--url=${stage.controller.api}`, ...options], {
    env: { PATH: process.env.PATH ?? '', BIGDB_CUTOVER_TOKEN: stage.lab.tokens.viewer },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, text };
}

it('an org that goes there and back leaves its figures, and no series of its own behind', async () => {
  const { orgId } = stage.org(0);
  const org = { org: String(orgId) };
  const queries = (now: Scrape, side: string) => now.value(n('org_queries_total'), { ...org, side });
  expect((await get(null)).status).toBe(401);

  const writer = await SteadyWriter.start(stage, orgId);
  const id = await stage.toReady(orgId);
  const ready = await untilShown('statements at the source', (now) => queries(now, 'source') > 0);
  expect(ready.find(n('org_state'), { ...org, state: 'ready', serving: 'source' })).toHaveLength(1);
  expect(ready.find(n('lag_seconds'), { ...org, direction: 'forward' })).toHaveLength(1);
  expect(ready.value(n('lag_limit_seconds'), { ...org, direction: 'forward' })).toBe(0.5);

  await stage.toSoaking(id);
  const soaking = await untilShown(
    'statements at the cluster, and its lag',
    (now) =>
      queries(now, 'cluster') > 0 &&
      now.find(n('lag_seconds'), { ...org, direction: 'back' }).length === 1 &&
      now.value(n('migrations'), { state: 'soaking' }) === 1 &&
      now.find(n('place_table_bytes')).length > 0 &&
      now.value(n('proxy_query_duration_seconds_count'), { command: 'INSERT' }) > 0 &&
      // The write that waited was let through by the hold hostgroup, and is counted there.
      queries(now, 'held') > 0 &&
      ['0.5', '0.95', '0.99'].every(
        (q) => now.value(n('org_query_quantile_seconds'), { ...org, side: 'cluster', q }) > 0,
      ),
  );
  expect(soaking.value(n('verification_mismatches'), org)).toBe(0);
  expect(soaking.find(n('verification_age_seconds'), org)).toHaveLength(1);
  // On a busy machine an attempt before it may have spent its budget.
  const { attempts } = await stage.api.get(id);
  const committed = attempts.find(({ decision }) => decision === 'commit');
  const pause = { direction: 'forward', decision: 'commit', kind: 'write' };
  expect(soaking.value(n('pause_seconds_count'), pause)).toBe(1);
  expect(soaking.value(n('pause_seconds_sum'), pause) * 1_000).toBeCloseTo(committed?.writePauseMs ?? -1);
  const done = attempts.flatMap(({ phases }) => phases).filter(({ ok }) => ok);
  for (const [phase, times] of Map.groupBy(done, (each) => each.phase)) {
    const step = { direction: 'forward', step: phase, ok: 'true' };
    const sumMs = times.reduce((sum, { ms }) => sum + ms, 0);
    expect(soaking.value(n('flip_step_duration_seconds_sum'), step) * 1_000).toBeCloseTo(sumMs);
  }
  for (const place of ['site', 'cluster']) {
    expect(soaking.value(n('place_up'), { kind: place })).toBe(place === 'site' ? 2 : 1);
    expect(soaking.value(n('place_connections'), { kind: place, use: 'connected' })).toBeGreaterThan(0);
    expect(soaking.value(n('place_table_bytes'), { kind: place, table: 'CallLogs', part: 'data' })).toBeGreaterThan(0);
  }
  expect(soaking.value(n('proxy_connections_limit'), { side: 'cluster' })).toBeGreaterThan(0);
  expect(soaking.value(n('proxy_query_duration_seconds_count'), { command: 'INSERT' })).toBeGreaterThan(0);
  expect(soaking.value(n('dms_call_duration_seconds_count'), { operation: 'createTask' })).toBeGreaterThan(0);
  expect(soaking.value(n('proxy_call_duration_seconds_count'), { operation: 'setRoute' })).toBeGreaterThan(0);
  expect(await check()).toMatchObject({ code: 0, text: expect.stringContaining('active=1;') });

  await stage.api.command(id, 'rollback');
  await stage.untilState(id, 'rolledBack');
  const [site] = stage.sites;
  if (site === undefined) throw new Error('the lab has no site');
  expect(await stopAndLook(stage, [writer], site)).toEqual(allThere);
  const ended = await untilShown('the end', (now) => now.value(n('migrations'), { state: 'rolledBack' }) === 1);
  expect(ended.value(n('rollbacks_total'), { reason: 'REQUESTED' })).toBe(1);
  expect(ended.value(n('migrations_ended_total'), { outcome: 'rolledBack' })).toBe(1);
  expect(ended.value(n('attempts_total'), { direction: 'back', decision: 'commit' })).toBe(1);
  expect(ended.series.filter(({ labels }) => labels.org !== undefined)).toEqual([]);
  expect(ended.value(n('metrics_faults_total'))).toBe(0);

  const used = new Set(expressions().flatMap(({ expr }) => usesOf(expr).metrics.map(({ metric }) => metric)));
  expect([...used].filter((metric) => !ended.names.has(metric))).toEqual([]);
});

it('every line of the log about a move says which, of what org, in which attempt and epoch', async () => {
  const lines = (await readFile(stage.controller.logFile, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const about = lines.filter(({ migration }) => migration !== undefined);
  for (const line of about) {
    expect(line).toMatchObject({ org: expect.any(Number), attempt: expect.any(Number), epoch: expect.any(Number) });
  }
  const states = about.filter(({ msg }) => msg === 'state').map(({ state }) => state);
  for (const state of ['preflight', 'ready', 'flipping.prepare', 'soaking', 'rolledBack'])
    expect(states).toContain(state);
  // Inside the pause nothing is written.
  expect(states).not.toContain('flipping.drain');
});

it('a take-over is counted, and what was compared before is shown by who took over', async () => {
  const { orgId } = stage.org(1);
  const id = await stage.toReady(orgId);
  await stage.toSoaking(id);
  await stage.controller.kill('SIGKILL');
  await stage.startController(often);
  const taken = await untilShown(
    'the take-over',
    (now) =>
      now.find(n('verification_age_seconds'), { org: String(orgId) }).length === 1 &&
      now.find(n('place_up'), { kind: 'cluster' }).length === 1,
  );
  expect(taken.value(n('lease_changes_total'), { change: 'takenOver' })).toBe(1);
  expect(taken.find(n('org_state'), { org: String(orgId), state: 'soaking' })).toHaveLength(1);
  // Until its numbers are in every proxy's rules, the new owner would wait for one that falls silent.
  const { epoch } = await stage.api.get(id);
  await pollUntil('the new owner to be known at every proxy', async () =>
    (await stage.routes(orgId)).every((comment) => comment?.includes(` epoch=${epoch} `)),
  );
});

it('a silent proxy and a dead controller are seen by the plugin', async () => {
  const proxy = stage.proxy(1);
  proxy.freeze();
  await untilShown('the silence alone', (now) => {
    const silent = now.find(n('proxy_up'), { proxy: proxy.name }).some(({ value }) => value === 0);
    return silent && now.find(n('place_up')).every(({ value }) => value === 1);
  });
  expect(await check()).toMatchObject({
    code: 1,
    text: expect.stringContaining(`proxy ${proxy.name} does not answer`),
  });
  proxy.thaw();
  await untilShown('its return', (now) => now.value(n('proxy_up'), { proxy: proxy.name }) === 1);
  await stage.controller.kill('SIGKILL');
  expect(await check('--timeout=2')).toMatchObject({ code: 2, text: expect.stringContaining('no controller answers') });
});
