import { createReplication } from '../../../src/adapters/dms/index.ts';
import type { Replication, TaskPlan, TaskRef } from '../../../src/ports/replication.ts';
import { SimServer } from '../mysql/simServer.ts';
import { Network } from '../net/network.ts';
import { SimProcess } from '../time/process.ts';
import { Random } from '../time/random.ts';
import { Scheduler } from '../time/scheduler.ts';
import { SimDms } from './index.ts';

const region = 'eu-west-2';
const endpoints = [
  { arn: 'site-source', side: 'source', server: 'lon1' },
  { arn: 'cluster-target', side: 'target', server: 'cluster' },
  { arn: 'cluster-source', side: 'source', server: 'cluster' },
  { arn: 'site-target', side: 'target', server: 'lon1' },
] as const;

/** A site, a cluster and the service between them, with the product's adapter before it, in virtual time. */
export interface Scene {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly dms: SimDms;
  readonly site: SimServer;
  readonly cluster: SimServer;
  readonly replication: Replication;
  readonly faults: readonly unknown[];
  sql(server: SimServer, sql: string, values?: readonly unknown[]): Promise<readonly (readonly unknown[])[]>;
  /** Rows of `T` as `OrgID ID Version`. */
  rows(server: SimServer, orgId?: number): Promise<readonly string[]>;
  /** Lets time pass until the promise is settled; fails after ten minutes of it. */
  until<T>(work: Promise<T>): Promise<T>;
  /** Lets time pass until the condition holds. */
  pass(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
}

export const forward = (generation = 1): TaskRef => ({
  orgId: 42,
  homeRegion: region,
  direction: 'forward',
  generation,
});
export const planOf = (ref: TaskRef): TaskPlan => ({
  ref,
  tables: [{ schema: 'BigDB', table: 'T', orgColumn: 'OrgID' }],
  heartbeatSites: [ref.direction === 'forward' ? 'lon1' : 'cluster'],
  largestLobBytes: 0,
});

export async function makeScene(seed = 1): Promise<Scene> {
  const scheduler = new Scheduler();
  const random = new Random(seed);
  const network = new Network(scheduler, random.fork(), () => {});
  const faults: unknown[] = [];
  const fault = (error: unknown) => void faults.push(error);
  const server = (name: string, flavour: 'mariadb' | 'mysql', serverId: number) =>
    new SimServer({ name, flavour, serverId, domain: serverId, scheduler, fault });
  const site = server('lon1', 'mariadb', 1);
  const cluster = server('cluster', 'mysql', 2);
  const sql = async (at: SimServer, text: string, values: readonly unknown[] = []) => {
    const session = at.local();
    const { rows } = await session.execute(text, values);
    session.end('done');
    return rows ?? [];
  };
  for (const each of [site, cluster]) {
    await sql(each, 'CREATE DATABASE BigDB');
    await sql(each, 'CREATE TABLE BigDB.T (OrgID INT, ID BIGINT, Version BIGINT, PRIMARY KEY (OrgID, ID))');
    await sql(each, 'CREATE DATABASE bigdb_cutover');
    await sql(
      each,
      'CREATE TABLE bigdb_cutover.heartbeat (org_id BIGINT, site VARCHAR(64), seq BIGINT, PRIMARY KEY (org_id, site))',
    );
  }
  await sql(
    site,
    `INSERT INTO BigDB.T VALUES ${[1, 2, 3, 4, 5, 6].map((id) => `(42, ${id}, 1), (4, ${id}, 1)`).join(', ')}`,
  );
  const dms = await SimDms.make({
    scheduler,
    network,
    random: random.fork(),
    regions: [{ homeRegion: region, instanceArn: 'instance', endpoints }],
    server: (name) => (name === 'lon1' ? site : cluster),
    tell: () => {},
    fault,
  });
  const controller = new SimProcess('controller', scheduler);
  const replication = createReplication({
    regions: {
      [region]: {
        region,
        replicationInstanceArn: 'instance',
        forward: { sourceEndpointArn: 'site-source', targetEndpointArn: 'cluster-target' },
        reverse: { sourceEndpointArn: 'cluster-source', targetEndpointArn: 'site-target' },
      },
    },
    heartbeat: { schema: 'bigdb_cutover', table: 'heartbeat', orgColumn: 'org_id', siteColumn: 'site' },
    taskPrefix: 'move',
    clock: controller.clock,
    pollIntervalMs: 100,
    settleMs: 400,
    apiRate: { burst: 100, perSecond: 50 },
    connect: (_, homeRegion) => dms.api(controller, homeRegion),
  });
  const pass: Scene['pass'] = async (what, condition) => {
    const deadlineMs = scheduler.nowMs + 600_000;
    for (;;) {
      // What was asked for just now has to come to its first wait.
      await new Promise((resolve) => setImmediate(resolve));
      if (await condition()) return;
      if (scheduler.nowMs > deadlineMs || !(await scheduler.step())) throw new Error(`${what} did not come`);
    }
  };
  return {
    scheduler,
    network,
    dms,
    site,
    cluster,
    replication,
    faults,
    sql,
    pass,
    rows: async (at, orgId = 42) =>
      (await sql(at, 'SELECT OrgID, ID, Version FROM BigDB.T WHERE OrgID = ? ORDER BY ID', [orgId])).map((row) =>
        row.join(' '),
      ),
    async until(work) {
      let settled = false;
      const mark = () => {
        settled = true;
      };
      work.then(mark, mark);
      await pass('an end', () => settled);
      return work;
    },
  };
}
