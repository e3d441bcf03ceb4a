import { afterAll, beforeAll, expect, it } from 'vitest';
import { countOrgRows } from '../../infra/lab/bigdb/index.ts';
import type { DatabaseServer } from '../../infra/lab/databases/index.ts';
import { type LooseConfig, Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ orgs: 4, rows: 50, regions: 2, policy: { replicationTries: 1 } });
});
afterAll(() => stage?.stop());

const clusterIn = (homeRegion: string): DatabaseServer => {
  const found = stage.lab.clusters.find((cluster) => cluster.homeRegion === homeRegion);
  if (found === undefined) throw new Error(`the lab has no cluster in ${homeRegion}`);
  return found.server;
};
const elsewhere = (homeRegion: string): string =>
  stage.lab.clusters.find((cluster) => cluster.homeRegion !== homeRegion)?.homeRegion ?? '';
async function rowsAt(server: DatabaseServer, orgId: number): Promise<number> {
  return [...(await countOrgRows(server, orgId)).values()].reduce((sum, rows) => sum + rows, 0);
}

it('a home region that changes while the org’s rows travel stops the move, and nothing more gets to the old cluster', async () => {
  const { orgId, homeRegion } = stage.org(0);
  const cluster = clusterIn(homeRegion);
  const id = await stage.toReady(orgId);
  const setHome = (region: string) =>
    stage.at(stage.lab.control.coredb, 'UPDATE CoreDB.Organisation SET HomeRegion = ? WHERE OrgID = ?', [
      region,
      orgId,
    ]);
  await setHome(elsewhere(homeRegion));
  const stopped = await stage.untilOperator(id);
  expect(stopped).toMatchObject({ serving: 'source', reason: { code: 'HOME_REGION_CHANGED' } });
  const rows = await rowsAt(cluster, orgId);
  const client = await stage.client(orgId);
  for (let n = 0; n < 20; n++) {
    await client.query('INSERT INTO CdrTasks (OrgID, CdrRef, Payload) VALUES (?, UNHEX(MD5(?)), ?)', [
      orgId,
      n,
      'late',
    ]);
  }
  const [fence] = await stage.at(cluster, 'SELECT writer FROM bigdb_cutover.fence WHERE org_id = ?', [orgId]);
  expect(fence).toMatchObject({ writer: 'nobody' });
  expect(await rowsAt(cluster, orgId)).toBe(rows);
  await stage.api.command(id, 'cancel');
  await stage.untilState(id, 'cancelled');
  expect(await rowsAt(cluster, orgId)).toBe(0);
  await setHome(homeRegion);
});

it('endpoints that lead to the clusters of each other’s regions write nothing there', async () => {
  await stage.controller.stop();
  await stage.startController((config: LooseConfig) => {
    const [one, other] = Object.values(config.dms.regions) as LooseConfig[];
    const arn = one.forward.targetEndpointArn;
    one.forward.targetEndpointArn = other.forward.targetEndpointArn;
    other.forward.targetEndpointArn = arn;
  });
  const { orgId, homeRegion } = stage.org(1);
  const { id } = await stage.api.create(orgId);
  await stage.api.command(id, 'start');
  const stopped = await stage.untilOperator(id);
  expect(stopped).toMatchObject({ serving: 'source', reason: { code: 'TASK_FAILED' } });
  expect(await rowsAt(clusterIn(elsewhere(homeRegion)), orgId)).toBe(0);
  expect(await rowsAt(clusterIn(homeRegion), orgId)).toBe(0);
});
