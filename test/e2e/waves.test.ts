import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { onServer, pollUntil } from '../../infra/lab/databases/index.ts';
import type { ControllerProcess } from '../../infra/lab/estate/controllerProcess.ts';
import { waveOrgPage } from '../../src/http/waves.ts';
import { attemptSchema } from '../../src/service/status.ts';
import { type WaveStatus, waveStatusSchema } from '../../src/service/waveStatus.ts';
import { type LooseConfig, Stage } from './stage.ts';
import { allThere, SteadyWriter, stopAndLook } from './writer.ts';

const orgs = 12;
/** Orgs that come before those that fail, and those that do. */
const moving = 4;
const failing = 3;
const leaseMs = 2_000;
/** Longest that a step of the test takes on two cores that others use as well (milliseconds). */
const stepMs = 200_000;

let stage: Stage;
let controllers: ControllerProcess[];
const narrow = (config: LooseConfig) => {
  config.controller.leaseMs = leaseMs;
  config.waves = { limits: { source: 2, flips: 1 } };
};
beforeAll(async () => {
  stage = await Stage.start({ orgs, regions: 2, rows: 60, policy: { soakMs: 3_600_000, completion: 'manual' } });
  // Those that stay all think the same of limits and leases.
  await stage.controller.stop();
  controllers = [await stage.startController(narrow), await stage.startController(narrow)];
});
afterAll(() => stage?.stop());

const look = async (id: string): Promise<WaveStatus> => waveStatusSchema.parse(await stage.api.read(`/v1/waves/${id}`));
const orgsOf = async (id: string) => waveOrgPage.parse(await stage.api.read(`/v1/waves/${id}/orgs`)).items;
const until = (id: string, what: string, met: (wave: WaveStatus) => boolean) => {
  let last: WaveStatus | undefined;
  return pollUntil(
    what,
    async () => {
      last = await look(id).catch(() => last);
      return last !== undefined && met(last) ? last : undefined;
    },
    { timeoutMs: stepMs, everyMs: 250 },
  ).catch(async (error: unknown) => {
    const orgs = await orgsOf(id).catch(() => []);
    const told = JSON.stringify({
      last,
      orgs,
      given: waitsOf(await stage.api.read('/v1/migrations').catch(() => null)),
    });
    throw new Error(`${what} did not come: ${told}`, { cause: error });
  });
};

test(
  'a wave moves orgs of two regions, outlives the controller that drives it, and stops by its rule at three that fail',
  async () => {
    const ids = stage.lab.orgs.map(({ orgId }) => orgId);
    const first = await SteadyWriter.start(stage, stage.org(0).orgId, 0, 50);
    const last = await SteadyWriter.start(stage, stage.org(orgs - 1).orgId, 1, 50);
    const made = waveStatusSchema.parse(
      await stage.api.post('/v1/waves', 'operator', {
        name: 'first',
        orgs: ids,
        order: 'asGiven',
        stop: { stuck: failing },
      }),
    );
    expect(made).toMatchObject({ state: 'planned', orgs, approval: { needed: true } });
    // CoreDB has lost the home regions of three by the time that the wave comes to them.
    const lost = ids.slice(moving, moving + failing);
    await onServer(stage.lab.control.coredb, (connection) =>
      connection.query('UPDATE CoreDB.Organisation SET HomeRegion = NULL WHERE OrgID IN (?)', [lost]),
    );
    await stage.api.post(`/v1/waves/${made.id}/approve`, 'approver', {});
    await stage.api.post(`/v1/waves/${made.id}/start`, 'operator', { reason: 'CHG-1' });

    await until(made.id, 'the first org on its cluster', ({ progress }) => progress.moved >= 1);
    await killTheDriver();

    const stopped = await until(made.id, 'the stop', ({ state }) => state === 'paused');
    expect(stopped.reason?.code).toBe('WAVE_STOPPED');
    expect(stopped.troubles.stuck.toSorted()).toEqual(lost.toSorted());
    const settled = await until(
      made.id,
      'the orgs before them to be where they wait',
      ({ standings }) => (standings.onCluster ?? 0) + (standings.ready ?? 0) === moving,
    );
    expect(settled.state).toBe('paused');
    const found = await orgsOf(made.id);
    expect(found.map(({ standing }) => standing)).toEqual([
      ...Array.from({ length: moving }, () => expect.stringMatching(/^(onCluster|ready)$/)),
      ...Array.from({ length: failing }, () => 'refused'),
      ...Array.from({ length: orgs - moving - failing }, () => 'waiting'),
    ]);
    // Nobody has touched the others: no move, no rule at any proxy.
    for (const orgId of ids.slice(moving)) expect(await stage.routes(orgId)).toEqual(stage.lab.proxies.map(() => null));
    const moved = found.filter(({ standing }) => standing === 'onCluster');
    for (const { orgId, migrationId } of moved) {
      expect(await stage.routeStates(orgId)).toEqual(stage.lab.proxies.map(() => 'cluster'));
      expect((await stage.api.get(migrationId ?? '')).verification).toMatchObject({ outcome: 'equal' });
    }
    // One was tried at a time, whoever drove, and each has one move.
    const { items } = z
      .object({ items: z.array(z.object({ orgId: z.number(), attempts: z.array(attemptSchema) })) })
      .parse(await stage.api.read(`/v1/migrations?wave=${made.id}`));
    expect(items.map(({ orgId }) => orgId).toSorted()).toEqual(ids.slice(0, moving).toSorted());
    const flips = items.flatMap(({ attempts }) => attempts).toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
    expect(flips.filter(({ decision }) => decision === 'commit')).toHaveLength(moved.length);
    for (const [index, { startedAt }] of flips.entries()) {
      const before = flips[index - 1];
      if (before !== undefined) expect(Date.parse(startedAt)).toBeGreaterThanOrEqual(Date.parse(before.endedAt ?? ''));
    }
    expect(await stopAndLook(stage, [first], clusterOf(stage.org(0).homeRegion))).toEqual(allThere);
    const [site] = stage.sites;
    expect(await stopAndLook(stage, [last], site ?? stage.cluster)).toEqual(allThere);
    expect([...first.errors, ...last.errors]).toEqual([]);
  },
  3 * stepMs,
);

/** Why each move waits, for the message of a failure. */
function waitsOf(page: unknown): unknown {
  const shape = z.object({
    items: z.array(
      z.object({
        orgId: z.number(),
        state: z.string(),
        waitsFor: z.unknown(),
        reason: z.unknown(),
        findings: z.unknown(),
      }),
    ),
  });
  return shape.safeParse(page).data?.items ?? null;
}

function clusterOf(homeRegion: string) {
  const found = stage.lab.clusters.find((cluster) => cluster.homeRegion === homeRegion);
  if (found === undefined) throw new Error(`no cluster serves ${homeRegion}`);
  return found.server;
}

/** By SIGKILL, whichever has the lease; the API of another one is used from then on. */
async function killTheDriver(): Promise<void> {
  const { control, storeAccount } = stage.lab;
  const [driver] = await stage.at<{ owner: string }[]>(
    control.store,
    `SELECT owner FROM ${storeAccount.database}.wave_driver`,
  );
  const killed = controllers.find(({ name }) => driver?.owner.startsWith(`${name}-`));
  if (killed === undefined) throw new Error(`nobody drives: ${JSON.stringify(driver)}`);
  await killed.kill('SIGKILL');
  if (killed === stage.controller) await stage.startController(narrow);
}
