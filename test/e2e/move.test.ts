import { randomBytes } from 'node:crypto';
import type { ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { othersRoutes } from '../../infra/lab/demo/others.ts';
import { rowsOf } from './picture.ts';
import { all, Stage } from './stage.ts';
import { allThere, SteadyWriter, stopAndLook } from './writer.ts';

let stage: Stage;
let routesBefore: string;
beforeAll(async () => {
  stage = await Stage.start();
  routesBefore = await othersRoutes(stage.lab);
});
afterAll(() => stage?.stop());

describe.concurrent('an org', () => {
  it('moves to completed: rows equal on both sides, routes at the cluster, nothing of others touched, ids that cannot meet', async () => {
    const [mover, inFlight, other] = [stage.org(0).orgId, stage.org(1).orgId, stage.org(2).orgId];
    const [id] = await all([stage.toReady(mover), stage.toReady(inFlight)]);
    if (id === undefined) throw new Error('nothing became ready');
    const writers = await SteadyWriter.startAll(stage, mover);
    await stage.toSoaking(id);
    expect(await stopAndLook(stage, writers, stage.cluster)).toEqual(allThere);
    expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
    // The way back carries what was written on the cluster to every site.
    const there = await rowsOf(stage.cluster, mover);
    for (const site of stage.sites) {
      await pollUntil(`${site.name} to be in step`, async () => sameRows(await rowsOf(site, mover), there));
    }
    expect(await stage.toCompleted(id)).toMatchObject({ outcome: 'completed', serving: 'cluster', allowed: [] });
    for (const site of stage.sites) expect(await rowsOf(site, mover)).toEqual(there);
    expect(await rowsOf(stage.cluster, mover)).toEqual(there);

    expect(await stage.routeStates(mover)).toEqual(['cluster', 'cluster']);
    expect(await stage.routeStates(other)).toEqual(['none', 'none']);
    expect(await othersRoutes(stage.lab)).toBe(routesBefore);
    expect(await rowsOf(stage.cluster, other)).toEqual(nothing);
    await idsCannotMeet(mover, inFlight);

    const { status, problem } = await stage.refusal(stage.api.create(mover));
    expect(status).toBe(409);
    expect(problem).toMatchObject({ code: 'ORG_ALREADY_MOVED', details: { orgId: mover, migrationId: id } });
  });

  it('leaves before the flip without a trace at the cluster: rolled back or cancelled, from ready and from the load', async () => {
    const [first, second, third] = [stage.org(3).orgId, stage.org(4).orgId, stage.org(5).orgId];
    const before = await rowsOf(stage.cluster, first);
    const leave = async (id: string, command: 'rollback' | 'cancel') => {
      await stage.api.command(id, command, 'a test');
      return id;
    };
    const [rolledBack, cancelled, loading] = (await all([
      stage.toReady(first).then((id) => leave(id, 'rollback')),
      stage.toReady(second).then((id) => leave(id, 'cancel')),
      inTheLoad(third).then((id) => leave(id, 'cancel')),
    ])) as [string, string, string];
    expect(await stage.untilState(rolledBack, 'rolledBack')).toMatchObject({
      outcome: 'rolledBack',
      serving: 'source',
    });
    expect(await stage.untilState(cancelled, 'cancelled')).toMatchObject({ outcome: 'cancelled', serving: 'source' });
    await stage.untilState(loading, 'cancelled');
    const { tasks } = await stage.lab.dms.faults.state();
    for (const orgId of [first, second, third]) {
      expect(await rowsOf(stage.cluster, orgId)).toEqual(before);
      expect(tasks.filter(({ identifier }) => identifier.includes(`-org${orgId}-`))).toEqual([]);
      // At the cluster nobody may write it, or, before the first task wrote anything, the task that never came.
      expect(await fenceOf(orgId)).toEqual(['clients', 'clients', expect.stringMatching(/^(nobody|forward)$/)]);
      const writer = await SteadyWriter.start(stage, orgId);
      expect(await stopAndLook(stage, [writer], stage.sites[0] ?? stage.cluster)).toEqual(allThere);
    }
  });

  it('pauses at the next safe place and goes on from there: in preflight, in the load, in ready, while soaking', async () => {
    const { orgId } = stage.org(6);
    const { id } = await stage.api.create(orgId);
    await stage.api.command(id, 'start');
    await stage.api.command(id, 'pause');
    expect(await stage.untilState(id, 'paused')).toMatchObject({ pauseRequested: true, serving: 'source' });
    await stage.api.command(id, 'resume');
    await stage.until(id, 'replicating', ({ state }) => state.startsWith('replicating'));
    await stage.api.command(id, 'pause');
    // The load is not broken off: it goes on to where nothing is half done.
    await stage.untilState(id, 'paused');
    expect((await stage.api.get(id)).attempts).toEqual([]);
    await stage.api.command(id, 'resume');
    await stage.untilState(id, 'ready');
    await stage.api.command(id, 'pause');
    expect(await stage.untilState(id, 'paused')).toMatchObject({
      allowed: expect.arrayContaining(['resume', 'cancel']),
    });
    const refused = await stage.refusal(stage.api.command(id, 'approve'));
    expect(refused).toMatchObject({ status: 409, problem: { code: 'COMMAND_NOT_ALLOWED' } });
    await stage.api.command(id, 'resume');
    await stage.untilState(id, 'ready');
    await stage.toSoaking(id);
    await stage.api.command(id, 'pause');
    const soaking = await stage.api.get(id);
    expect(soaking).toMatchObject({ pauseRequested: true, serving: 'cluster' });
    expect(soaking.state).toMatch(/^soaking/);
    await stage.api.command(id, 'resume');
    await stage.toCompleted(id);
  });

  it('comes back after the flip with what was written on the cluster, then moves again', async () => {
    const { orgId } = stage.org(7);
    const id = await stage.toReady(orgId);
    const writers = await SteadyWriter.startAll(stage, orgId);
    const soaking = await stage.toSoaking(id);
    await moreWrites(writers, 20);
    await stage.api.command(id, 'rollback', 'a test');
    const back = await stage.untilState(id, 'rolledBack');
    await moreWrites(writers, 20);
    expect(back).toMatchObject({ outcome: 'rolledBack', serving: 'source' });
    const site = stage.sites[1] ?? stage.cluster;
    expect(await stopAndLook(stage, writers, site)).toEqual(allThere);
    expect(writers.flatMap(({ errors }) => errors)).toEqual([]);
    for (const writer of writers) expect(writer.longestHoldMs).toBeLessThan(3_000);
    expect(await rowsOf(stage.cluster, orgId)).toEqual(nothing);
    expect(await stage.routeStates(orgId)).toEqual(['source', 'source']);
    expect(await fenceOf(orgId)).toEqual(['clients', 'clients', 'nobody']);

    const again = await stage.toReady(orgId);
    const { tasks } = await stage.lab.dms.faults.state();
    expect(tasks.map(({ identifier }) => identifier)).toContain(`bigdb-org${orgId}-forward-g2`);
    const secondWriters = await SteadyWriter.startAll(stage, orgId);
    const second = await stage.toSoaking(again);
    expect(second.epoch).toBeGreaterThan(soaking.epoch);
    const numbers = [...back.attempts, ...second.attempts].map(({ attempt }) => attempt);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(await stopAndLook(stage, secondWriters, stage.cluster)).toEqual(allThere);
    expect(secondWriters.flatMap(({ errors }) => errors)).toEqual([]);
    await stage.toCompleted(again);
  });
});

const nothing = {
  CdrTasks: [],
  CallLogs: [],
  RecordingMetadata: [],
  ApplicationBlob: [],
  WholesaleCallCostCache: [],
  CompositeUsage: [],
  EveryType: [],
};

const sameRows = (one: Record<string, string[]>, other: Record<string, string[]>): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

/** Starts a move and sees it into its replication. */
async function inTheLoad(orgId: number): Promise<string> {
  const { id } = await stage.api.create(orgId);
  await stage.api.command(id, 'start');
  await stage.until(id, 'replicating', ({ state }) => state.startsWith('replicating'));
  return id;
}

/** Who may write the org: at each site, then at the cluster. */
async function fenceOf(orgId: number): Promise<string[]> {
  const writers: string[] = [];
  for (const server of [...stage.sites, stage.cluster]) {
    const rows = await stage.at<RowDataPacket[]>(
      server,
      'SELECT writer FROM bigdb_cutover.fence WHERE org_id = ? AND place = ?',
      [orgId, server.name],
    );
    writers.push(String(rows[0]?.writer));
  }
  return writers;
}

/** Waits until each writer has so many more acknowledged writes. */
async function moreWrites(writers: readonly SteadyWriter[], writes: number): Promise<void> {
  const wanted = writers.map(({ acknowledged }) => acknowledged.length + writes);
  await pollUntil(`${writes} more writes at every proxy`, async () =>
    writers.every(({ acknowledged }, index) => acknowledged.length >= (wanted[index] ?? 0)),
  );
}

/** Rows of one table born on the cluster and at both sites at the same time, all of which come together on the cluster. */
async function idsCannotMeet(onCluster: number, atSites: number): Promise<void> {
  const born = async (orgId: number, proxyIndex: number, marker: string): Promise<number> => {
    const client = await stage.client(orgId, proxyIndex);
    const [result] = await client.query<ResultSetHeader>(
      'INSERT INTO CdrTasks (OrgID, CdrRef, Payload) VALUES (?, ?, ?)',
      [orgId, randomBytes(16), marker],
    );
    client.destroy();
    return result.insertId;
  };
  // The sites count on from above the cluster's numbers, so that only the offsets keep them apart.
  const first = await born(onCluster, 0, 'first');
  const [site] = stage.sites;
  if (site === undefined) throw new Error('the lab has no site');
  const highest = await all(
    [...stage.sites, stage.cluster].map((server) => stage.at(server, 'SELECT MAX(TaskID) AS id FROM BigDB.CdrTasks')),
  );
  const top = Math.max(...highest.map(([row]) => Number(row?.id)));
  await stage.at(site, "INSERT INTO BigDB.CdrTasks (TaskID, OrgID, CdrRef, Payload) VALUES (?, ?, ?, 'high')", [
    top - (top % 8) + 1 + 8_000,
    atSites,
    randomBytes(16),
  ]);
  await stage.lab.sites.waitUntilInStep();
  const ids: number[] = [first];
  for (let round = 0; round < 5; round++) {
    const three = await Promise.all([
      born(onCluster, 0, `cluster ${round}`),
      born(atSites, 0, `lon1 ${round}`),
      born(atSites, 1, `lon2 ${round}`),
    ]);
    expect(three.map((id) => id % 8)).toEqual([3, 1, 2]);
    ids.push(...three);
  }
  expect(new Set(ids).size).toBe(ids.length);
  await pollUntil('all rows to come together on the cluster', async () => {
    const rows = await stage.at<RowDataPacket[]>(
      stage.cluster,
      'SELECT TaskID FROM BigDB.CdrTasks WHERE TaskID IN (?)',
      [ids],
    );
    return rows.length === ids.length;
  });
}
