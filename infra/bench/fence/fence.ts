import { type FencePlan, installFence } from '../../../src/fence/index.ts';
import {
  BIGDB_SCHEMA,
  createAccounts,
  createBigDbSchema,
  makeAccounts,
  ORG_COLUMN,
  ORG_TABLES,
  setUpServer,
} from '../../lab/bigdb/index.ts';
import {
  type DatabaseServer,
  makeTempFolder,
  onServer,
  removeFolder,
  startCluster,
  startMariaDb,
} from '../../lab/databases/index.ts';
import { fenceUsers } from '../../lab/estate/controllerConfig.ts';
import type { Benchmark, BenchResult } from '../benchmark.ts';
import { ratio, round } from '../figures.ts';
import { type Clients, type Costs, measureCosts } from './writes.ts';

const orgId = 42;
const homeRegion = 'eu-west-2';
/** The table of the measurement, and one like it that is left without triggers. */
const fenced = `${BIGDB_SCHEMA}.CallLogs`;
const bare = `${BIGDB_SCHEMA}.CallLogsBare`;

/** What the triggers of an open fence cost the writes that pass them, at a site and at a cluster. */
export const fence: Benchmark = {
  name: 'fence',
  about: 'cost of the triggers per write: single rows, 1,000-row inserts, 16 writers on one org',
  async run({ signal, say }): Promise<BenchResult> {
    const folder = await makeTempFolder('bigdb-cutover-bench-');
    const servers: DatabaseServer[] = [];
    try {
      const site = await startMariaDb({ name: 'lon1', baseDir: folder });
      servers.push(site);
      const cluster = await startCluster({ name: `aurora-${homeRegion}`, baseDir: folder });
      servers.push(cluster);
      const atSite = await measureAt(site, 'site', signal, say);
      const atCluster = await measureAt(cluster, 'cluster', signal, say);
      const { value, floor } = atSite.singleRow;
      return {
        name: fence.name,
        value,
        unit: 'µs',
        floor,
        ratio: ratio(value, floor),
        ratios: {
          'one row at a cluster': atCluster.singleRow.ratio,
          '1,000 rows': atSite.thousandRows.ratio,
          '1,000 rows at a cluster': atCluster.thousandRows.ratio,
          '16 writers': atSite.sixteenWriters.ratio,
          '16 writers at a cluster': atCluster.sixteenWriters.ratio,
        },
        better: 'lower',
        toReach: null,
        reached: null,
        slowest: `the locking read of the fence's row: ${round(value - floor)} of ${round(value)} µs`,
        toHalve: 'a trigger that reads without a lock, which lets writers through that commit behind a closed fence',
        site: { ...atSite, server: serverName(site) },
        cluster: { ...atCluster, server: serverName(cluster) },
      };
    } finally {
      for (const server of servers) await server.stop();
      await removeFolder(folder);
    }
  },
};

async function measureAt(
  server: DatabaseServer,
  kind: 'site' | 'cluster',
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<Costs> {
  const accounts = makeAccounts([orgId]);
  await createBigDbSchema(server, kind);
  await createAccounts(server, accounts);
  await setUpServer(server, (connection) => connection.query(`CREATE TABLE ${bare} LIKE ${fenced}`));
  await onServer(server, async (connection) => {
    const plan: FencePlan = {
      sites: kind === 'site' ? [{ name: server.name, serverId: 1, connection }] : [],
      clusters: kind === 'cluster' ? [{ name: server.name, homeRegion, connection }] : [],
      tables: ORG_TABLES.map(({ name: table }) => ({ schema: BIGDB_SCHEMA, table, orgColumn: ORG_COLUMN })),
      users: fenceUsers(accounts),
      orgIds: [orgId],
    };
    await installFence(plan);
    await connection.query("UPDATE bigdb_cutover.fence SET writer = 'clients' WHERE org_id = ?", [orgId]);
  });
  say(`${serverName(server)} as a ${kind}`);
  const { host, port } = server;
  const { user, password } = accounts.app;
  const clients: Clients = { host, port, user, password, orgId };
  return measureCosts(clients, { fenced, bare }, signal);
}

function serverName({ flavour, version }: DatabaseServer): string {
  return `${flavour === 'mysql' ? 'MySQL' : 'MariaDB'} ${version}`;
}
