import { z } from 'zod';
import type { CompareOrg } from '../../../src/verification/index.ts';
import { SimDms, type SimRegion } from '../dms/index.ts';
import { backendsOf } from '../mysql/client/backend.ts';
import type { Directory } from '../mysql/client/connection.ts';
import { storePoolsOf } from '../mysql/client/storePool.ts';
import { wiresOf } from '../mysql/client/wire.ts';
import { Replica } from '../mysql/replication/replica.ts';
import { SimServer } from '../mysql/simServer.ts';
import type { Value } from '../mysql/sql/value.ts';
import { regions } from './choice.ts';
import { compareRows } from './compare.ts';
import { clusterName, dmsOf, identityOf, siteNames, users } from './config.ts';
import type { Databases, WorldJournal, WorldPlace, WorldPurge, WorldServer, WorldTask } from './databases.ts';
import { committedCell, committedRows, serverOf } from './places.ts';
import { setUpCoreDb, setUpPlace, setUpStore } from './platform.ts';
import type { MakeDatabases } from './world.ts';

/** The simulated servers, what replicates between them, and DMS. */
export const makeDatabases: MakeDatabases = async ({ scheduler, network, random, choice, story, fault }) => {
  const accounts = [
    ...new Set([...Object.values(users), ...choice.orgs.map(({ orgId }) => identityOf(choice.routing, orgId).user)]),
  ];
  const make = (name: string, flavour: 'mariadb' | 'mysql', serverId: number) =>
    new SimServer({ name, flavour, serverId, domain: serverId, accounts, scheduler, fault });
  const sites = siteNames.map((name, index) => make(name, 'mariadb', index + 1));
  const clusters = regions.map((region, index) => make(clusterName(region), 'mysql', 11 + index));
  const store = make('store', 'mysql', 21);
  const coredb = make('coredb', 'mysql', 22);
  for (const site of sites) await setUpPlace(site, 'site', choice);
  for (const [index, region] of regions.entries())
    await setUpPlace(clusters[index] as SimServer, { homeRegion: region }, choice);
  await setUpStore(store);
  await setUpCoreDb(coredb, choice);

  const servers = new Map([...sites, ...clusters, store, coredb].map((server) => [server.name, server]));
  const serverAt = (name: string): SimServer => {
    const server = servers.get(name);
    if (server === undefined) throw new RangeError(`there is no server ${name}`);
    return server;
  };
  const directory: Directory = { network, server: serverAt };
  const replicas = sites.flatMap((source) =>
    sites
      .filter((target) => target !== source)
      .map((target) => ({
        from: source.name,
        replica: new Replica({ source, target, network, scheduler, random: random.fork() }),
      })),
  );
  const dms = await SimDms.make({
    scheduler,
    network,
    random: random.fork(),
    regions: regions.map(dmsRegion),
    server: serverAt,
    tell: (what) => story.tell('dms', what),
    fault,
  });
  const orgIds = choice.orgs.map(({ orgId }) => orgId);
  const place = (server: SimServer): WorldPlace => ({
    ...serverOf(server),
    get process() {
      return server.process;
    },
    fenceWriter: fenceCells<string>(server, orgIds, 'writer'),
    fenceEpoch: fenceCells<number>(server, orgIds, 'epoch'),
    versions(table, orgId) {
      const rows = committedRows(server, 'BigDB', table).filter(({ of }) => Number(of('OrgID')) === orgId);
      return new Map(rows.map(({ of }) => [Number(of('ID')), Number(of('Version'))]));
    },
  });
  const places = [...sites, ...clusters];
  const worldSites = sites.map(place);
  const worldClusters = new Map(
    clusters.map((cluster, index): [string, WorldPlace] => [regions[index] as string, place(cluster)]),
  );
  const worldServer = (server: SimServer): WorldServer => ({
    ...serverOf(server),
    get process() {
      return server.process;
    },
  });
  const compareOrg: CompareOrg = compareRows;
  return {
    sites: worldSites,
    clusters: worldClusters,
    store: worldServer(store),
    coredb: worldServer(coredb),
    dms: dms.process,
    connectBackend: backendsOf(directory),
    openWire: (controller) => wiresOf(controller, directory),
    openStore: (controller) => storePoolsOf(controller, directory),
    dmsApi: (controller, homeRegion) => dms.api(controller, homeRegion),
    compareOrg,
    journals: journalsOf(store),
    holdsInUse: () => holdsInUse(store),
    attempts: sinceCommit(store, () => newestAttempts(store)),
    ordersWaiting: sinceCommit(store, () =>
      committedRows(store, storeSchema, 'inbox').map(({ of }) => String(of('migration_id'))),
    ),
    commits: () => places.reduce((sum, { core }) => sum + core.transactions.now, 0),
    tasks: () => dms.tasks.map(taskOf),
    onPurge(hear) {
      for (const server of places) {
        server.core.binlog.onCommit(() => tellPurge(server, hear));
      }
    },
    stallReplication(from, stalled) {
      for (const one of replicas) {
        if (one.from !== from) continue;
        if (stalled) one.replica.stall();
        else one.replica.resume();
      }
    },
    troubleTask: (trouble) => dms.trouble(trouble),
    moveHome(orgId, homeRegion) {
      void coredb.local().execute('UPDATE CoreDB.Organisation SET HomeRegion = ? WHERE OrgID = ?', [homeRegion, orgId]);
    },
  } satisfies Databases;
};

/** The controllers' own schema. */
const storeSchema = 'cutover_store';

function dmsRegion(region: string): SimRegion {
  const { replicationInstanceArn: instanceArn, forward, reverse } = dmsOf(region);
  const [site] = siteNames;
  const cluster = clusterName(region);
  return {
    homeRegion: region,
    instanceArn,
    endpoints: [
      { arn: forward.sourceEndpointArn, side: 'source', server: site },
      { arn: forward.targetEndpointArn, side: 'target', server: cluster },
      { arn: reverse.sourceEndpointArn, side: 'source', server: cluster },
      { arn: reverse.targetEndpointArn, side: 'target', server: site },
    ],
  };
}

/** The org is told by the id that the product gives its tasks. */
function taskOf({ definition, status, everRan }: SimDms['tasks'][number]): WorldTask {
  const org = /org(\d+)/.exec(definition.id)?.[1];
  return {
    id: definition.id,
    orgId: Number(org),
    reads: definition.source,
    writes: definition.target,
    status,
    everRan,
  };
}

/** Tells of what the account that purges has just deleted. */
function tellPurge(server: SimServer, hear: (purge: WorldPurge) => void): void {
  const event = server.core.binlog.events.at(-1);
  if (event === undefined || event.user !== users.purge) return;
  const rows = new Map<number, number>();
  for (const { schema, columns, before, after } of event.rows) {
    if (schema !== 'BigDB' || before === null || after !== null) continue;
    const orgId = Number(before[columns.indexOf('OrgID')]);
    rows.set(orgId, (rows.get(orgId) ?? 0) + 1);
  }
  for (const [orgId, count] of rows) hear({ place: server.name, orgId, rows: count });
}

/** A column of an org's fence at a place, as committed. */
function fenceCells<T>(server: SimServer, orgIds: readonly number[], column: string): (orgId: number) => T | null {
  const table = server.core.catalog.table('bigdb_cutover', 'fence');
  const cells = new Map(orgIds.map((orgId) => [orgId, committedCell(table, [orgId, server.name], column)]));
  return (orgId) => (cells.get(orgId)?.() ?? null) as T | null;
}

/** The journals in the store; parsed again only where a row changed. */
function journalsOf(store: SimServer): () => readonly WorldJournal[] {
  const parsed = new WeakMap<object, WorldJournal>();
  return sinceCommit(store, () =>
    committedRows(store, storeSchema, 'migrations').map(({ of, values }) => {
      let journal = parsed.get(values);
      if (journal === undefined) {
        journal = journalFrom(of);
        parsed.set(values, journal);
      }
      return journal;
    }),
  );
}

/** What was read after the newest commit; read again only behind another one, for it is asked for after every event. */
function sinceCommit<T>(server: SimServer, read: () => T): () => T {
  let found: { readonly atCommit: number; readonly value: T } | null = null;
  return () => {
    const { now } = server.core.transactions;
    if (found?.atCommit !== now) found = { atCommit: now, value: read() };
    return found.value;
  };
}

function newestAttempts(store: SimServer): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { of } of committedRows(store, storeSchema, 'attempts')) {
    const id = String(of('migration_id'));
    newest.set(id, Math.max(newest.get(id) ?? 0, Number(of('attempt'))));
  }
  return newest;
}

function holdsInUse(store: SimServer): string[] {
  return committedRows(store, storeSchema, 'attempts').flatMap(({ of }) =>
    of('hold_in_use') === null ? [] : [String(of('migration_id'))],
  );
}

const journalText = z.object({
  context: z.object({ reason: z.object({ code: z.string() }).nullable(), serving: z.string(), approved: z.boolean() }),
});

function journalFrom(of: (name: string) => Value): WorldJournal {
  const { context } = journalText.parse(JSON.parse(String(of('journal'))));
  return {
    id: String(of('id')),
    orgId: Number(of('org_id')),
    state: String(of('state')),
    owner: of('owner') === null ? null : String(of('owner')),
    epoch: Number(of('epoch')),
    revision: Number(of('revision')),
    reason: context.reason?.code ?? null,
    serving: context.serving,
    approved: context.approved,
    ended: of('active_org_id') === null,
  };
}
