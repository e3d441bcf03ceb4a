import type { Logger } from 'pino';
import type { MigrationContext } from '../statecharts/context.ts';
import { createOrgDirectory } from './adapters/coredb/orgDirectory.ts';
import { describeTasks } from './adapters/dms/describe.ts';
import { createReplication } from './adapters/dms/index.ts';
import { sdkApi } from './adapters/dms/sdkApi.ts';
import { createCluster, createSite } from './adapters/mysql/place.ts';
import type { RoutingConfig } from './adapters/proxysql/config.ts';
import { describeRoutes } from './adapters/proxysql/describe.ts';
import { createProxies } from './adapters/proxysql/fleet.ts';
import { createStore } from './adapters/store/store.ts';
import { schemasOf } from './catalogue/catalogue.ts';
import type { Config } from './config/index.ts';
import { longestHoldMs } from './config/longestHold.ts';
import { Driver } from './driver/driver.ts';
import { runLog } from './driver/logger.ts';
import { isTransient } from './errors/index.ts';
import { clusterOf, type Estate } from './estate/estate.ts';
import { readSchema } from './estate/schema.ts';
import { SourceLoad } from './estate/sourceLoad.ts';
import { Membership } from './fleet/membership.ts';
import { Upkeep } from './fleet/upkeep.ts';
import { FleetWatch } from './fleet/watch.ts';
import { Attempts } from './flip/attempts.ts';
import { RouteKeeper } from './flip/routeKeeper.ts';
import { retireBeside } from './flip/settle.ts';
import { FlipTurns } from './flip/turns.ts';
import { Heartbeats } from './heartbeat/heartbeats.ts';
import { heartbeatMode } from './heartbeat/modes.ts';
import { type ControllerMachine, thisMachine } from './machine.ts';
import { type Edges, unmeasured } from './metrics/edges.ts';
import { Metrics } from './metrics/metrics.ts';
import type { FleetStore } from './ports/fleet.ts';
import type { Network } from './ports/network.ts';
import type { Place } from './ports/place.ts';
import type { PurgeStore } from './ports/purge.ts';
import type { ConfiguredProxies } from './ports/routing.ts';
import type { Store } from './ports/store.ts';
import type { UpkeepStore } from './ports/upkeep.ts';
import type { WaveStore } from './ports/waves.ts';
import type { WebhookStore } from './ports/webhooks.ts';
import { Comparisons } from './proof/comparisons.ts';
import { Purger } from './purge/purger.ts';
import { ReturnPath } from './returnPath/returnPath.ts';
import { ReverseTasks } from './returnPath/reverseTask.ts';
import { WayBackWatch } from './returnPath/wayBack.ts';
import { createFleetService } from './service/fleet.ts';
import type { FleetService } from './service/fleetStatus.ts';
import { createOperations, type OperationsService } from './service/operations.ts';
import { createOrgs, type OrgService } from './service/orgs.ts';
import { createPlans, type PlanService } from './service/plans.ts';
import type { PurgeService } from './service/purgeAnswer.ts';
import { createPurges } from './service/purges.ts';
import { createRouting, type RoutingService } from './service/routing.ts';
import { createService } from './service/service.ts';
import type { MigrationService } from './service/status.ts';
import { createWaves, type WaveService } from './service/waves.ts';
import { createWebhooks, type WebhookService } from './service/webhooks.ts';
import { createSamples } from './soaking/samples.ts';
import { type RollbackLimit, RollbackTurns } from './soaking/turns.ts';
import { effectHandlers } from './steps/handlers.ts';
import { WaveDriver } from './waves/driver.ts';
import type { InstanceOf } from './waves/load.ts';
import { announcer } from './webhooks/announce.ts';
import { Couriers } from './webhooks/couriers.ts';

/** The configuration says `tls`, the driver of the databases `ssl`. */
function withTls<T extends { tls?: unknown }>({ tls, ...rest }: T): Omit<T, 'tls'> & { ssl?: NonNullable<T['tls']> } {
  return tls === undefined ? rest : { ...rest, ssl: tls as NonNullable<T['tls']> };
}

/** The estate as it is opened: with all that the fleet's own work needs. */
type OpenEstate = Estate & {
  readonly store: Store & FleetStore & WebhookStore & UpkeepStore & WaveStore & PurgeStore;
  readonly routing: Membership;
};

/** Where every task finds the heartbeats. */
const heartbeatTable = { schema: 'bigdb_cutover', table: 'heartbeat', orgColumn: 'org_id', siteColumn: 'site' };

/** Builds the adapters that the configuration names. Opens no connection yet. */
export function openEstate(
  config: Config,
  logger: Logger,
  machine: ControllerMachine = thisMachine,
  edges: Edges = unmeasured,
): OpenEstate {
  const { clock, ids } = machine;
  const sites = config.sites.map((site) => createSite(withTls(site), machine));
  const clusters = config.clusters.map((cluster) => createCluster(withTls(cluster), machine));
  const { routing } = config;
  const places = {
    sites: sites as unknown as [Place, ...Place[]],
    clusters: new Map(clusters.map((cluster): [string, Place] => [cluster.homeRegion ?? '', cluster])),
  };
  const replication = createReplication({
    regions: Object.fromEntries(
      Object.entries(config.dms.regions).map(([region, { endpoint, ...rest }]) => [
        region,
        {
          ...rest,
          ...(endpoint === undefined ? {} : { endpoint }),
          ...(config.dms.credentials === undefined ? {} : { credentials: config.dms.credentials }),
        },
      ]),
    ),
    heartbeat: heartbeatTable,
    taskPrefix: config.dms.taskPrefix,
    clock,
    pollIntervalMs: config.dms.pollIntervalMs,
    settleMs: config.dms.settleMs,
    apiRate: config.dms.apiRate,
    logger,
    connect: (region, homeRegion) => edges.dms(machine.dmsApi?.(region, homeRegion) ?? sdkApi(region), homeRegion),
  });
  const store = edges.store(openStore(config, machine));
  const fleet = new Membership({ configured: openProxies(config, machine, edges), store, clock, logger });
  const heartbeats = new Heartbeats(clock, logger);
  const sourceLoad = new SourceLoad({ sites: places.sites, clock, limits: config.sourceLoad });
  return {
    ...places,
    replication,
    routing: fleet,
    directory: createOrgDirectory(
      withTls(config.coredb),
      config.clusters.map(({ homeRegion }) => homeRegion),
      machine,
    ),
    store,
    clock,
    ids,
    compareOrg: machine.compareOrg,
    exportFiles: machine.openExports(config.exports.directory),
    heartbeats,
    comparisons: new Comparisons({ limits: config.verification, clock, heartbeats, load: sourceLoad }),
    sourceLoad,
    samples: createSamples({
      routing: fleet,
      clock,
      logger,
      catalogue: config.catalogue,
      readSchema: (homeRegion) => readSchema({ ...places, tables: config.catalogue.tables }, homeRegion),
    }),
    returnPath: new ReturnPath({ ...places, replication, clock, logger }),
    reverseTasks: new ReverseTasks({ replication, store, clock }),
    rollbackTurns: new RollbackTurns({ limit: rollbackLimit(config), store, clock, logger }),
    logger,
    tables: config.catalogue.tables,
    catalogue: config.catalogue,
    fenceUsers: config.fence.users,
    holdHostgroups: routing.holdHostgroups,
    proxiesPatienceMs: routing.connectTimeoutMs - longestHoldMs(config.policy.flipBudgetMs, config.controller.leaseMs),
  };
}

/** The store, with what webhooks are told in every step. */
export function openStore(
  config: Config,
  machine: ControllerMachine = thisMachine,
): Store & FleetStore & WebhookStore & UpkeepStore & WaveStore & PurgeStore {
  return createStore(withTls(config.store), machine.openStore, announcer(config.webhooks));
}

/** A connection of its own to each proxy's admin interface, opened when it is first used. */
function openProxies(config: Config, machine: ControllerMachine, edges: Edges): ConfiguredProxies {
  const fleet = createProxies(config.proxies.map(withTls), routingOf(config), machine);
  return { ...fleet, proxies: fleet.proxies.map((proxy) => edges.proxy(proxy)) };
}

/** How orgs are told apart at the proxies, and the numbers that are the controller's own. */
function routingOf({ controller, routing, policy, catalogue }: Config): RoutingConfig {
  return {
    by: routing.by,
    template: routing[routing.by],
    ruleIds: routing.ruleIds,
    holdHostgroups: routing.holdHostgroups,
    sentinelRuleId: routing.sentinelRuleId,
    source: routing.source,
    clusters: routing.clusters,
    schemas: schemasOf(catalogue),
    longestHoldMs: longestHoldMs(policy.flipBudgetMs, controller.leaseMs),
  };
}

/** Gives every connection back; the store's last, for others end by writing to it. */
export async function closeEstate(estate: Estate): Promise<void> {
  await estate.returnPath.close();
  estate.routing.close();
  await Promise.all([
    estate.replication.close(),
    estate.directory.close(),
    ...[...estate.sites, ...estate.clusters.values()].map((place) => place.close()),
  ]);
  await estate.store.close();
}

/** Orgs of one cluster go back through one replication instance, which several clusters may share. */
function rollbackLimit({ rollback, dms }: Config): RollbackLimit {
  const instanceOf = (homeRegion: string) => dms.regions[homeRegion]?.replicationInstanceArn;
  return {
    atOnce: rollback.atOnce,
    together: (homeRegion) => Object.keys(dms.regions).filter((other) => instanceOf(other) === instanceOf(homeRegion)),
  };
}

/** Names the replication instance of a home region's tasks by the regions that share it. */
function instances(config: Config): InstanceOf {
  const { together } = rollbackLimit(config);
  const names = new Map(
    Object.keys(config.dms.regions).map((homeRegion) => [homeRegion, [...together(homeRegion)].sort().join(', ')]),
  );
  return (homeRegion) => names.get(homeRegion) ?? homeRegion;
}

/** A controller at work: takes up what has no owner, and stops by handing everything over. */
export async function startController(
  config: Config,
  logger: Logger,
  machine: ControllerMachine = thisMachine,
): Promise<{
  service: MigrationService;
  fleet: FleetService;
  operations: OperationsService;
  routing: RoutingService;
  orgs: OrgService;
  plans: PlanService;
  waves: WaveService;
  purges: PurgeService;
  webhooks: WebhookService;
  metrics: Metrics;
  driver: Driver;
  stop(): Promise<void>;
}> {
  const homeRegions = config.clusters.map(({ homeRegion }) => homeRegion);
  const metrics = new Metrics({ clock: machine.clock, logger, homeRegions });
  const estate = openEstate(config, logger, machine, metrics.edges);
  const attempts = new Attempts(estate);
  const keeper = new RouteKeeper(estate);
  const wayBack = new WayBackWatch(estate);
  const turns = new FlipTurns(config.flips.atOnce);
  const instance = `${config.controller.name}-${estate.ids.uuid().slice(0, 8)}`;
  const driver = new Driver({
    instance,
    leaseMs: config.controller.leaseMs,
    store: estate.store,
    clock: estate.clock,
    handlers: effectHandlers(estate, attempts, keeper, turns),
    logger,
    onState(context, state, epoch) {
      const mode = heartbeatMode(state, context);
      wayBack.set(context, state, epoch);
      turns.onState(context.migrationId, state);
      metrics.onState(context, state, driver.runner(context.migrationId)?.sinceMs ?? estate.clock.nowMs());
      const cluster = [clusterOf(estate, context.homeRegion)];
      const [origins, observers] = mode?.direction === 'back' ? [cluster, estate.sites] : [estate.sites, cluster];
      estate.heartbeats.set(context.orgId, mode === null ? null : { ...mode, origins, observers });
    },
    onTaken(context, epoch, owned) {
      void reclaim(context, epoch, owned).catch((error) => {
        runLog(logger, { migration: context, epoch }).warn(
          { err: error },
          'what an earlier owner left was not looked through',
        );
      });
    },
    onReleased: (context) => {
      metrics.onReleased(context);
      wayBack.end(context.migrationId);
      turns.leave(context.migrationId);
      estate.reverseTasks.forget(context.migrationId);
      estate.heartbeats.set(context.orgId, null);
      void keeper.stop(context.migrationId);
      void attempts.forget(context.migrationId);
    },
  });

  /**
   * Takes over what an earlier owner left: the route on every proxy gets this owner's numbers, so that nothing delayed
   * matches any more, and hold hostgroups are retired, but for those of the attempt that the machine is still in.
   */
  const reclaim = async (context: MigrationContext, epoch: number, owned: () => boolean): Promise<void> => {
    const { migrationId, serving } = context;
    for (const row of await estate.store.unretired(migrationId)) {
      if (!owned()) return;
      if (row.attempt !== context.attempt || serving !== 'held')
        retireBeside(estate, { ...row, orgId: context.orgId }, stopping.signal);
    }
    if (!owned() || serving === 'held' || context.attempt === 0) return;
    const owner = await attempts.owner({ migration: context, epoch });
    await estate.routing.refresh();
    await keeper.bring({ migrationId, owner, step: 'keep', side: serving, holdHostgroup: null }, stopping.signal);
  };
  const stopping = new AbortController();
  const watch = new FleetWatch({
    proxies: openProxies(config, machine, metrics.edges),
    membership: estate.routing,
    store: estate.store,
    clock: estate.clock,
    logger,
  });
  watch.start();
  metrics.showMemory(estate.heartbeats, {
    names: config.proxies.map(({ name }) => name),
    reachable: (name) => watch.sighting(name).reachable,
    view: () => estate.routing.view,
    waitingFor: (name) => keeper.waitingFor(name),
  });

  const { store, clock } = estate;
  // Over connections of its own: commands of one connection wait for each other, and a hold must not.
  const fleet = new Membership({ configured: openProxies(config, machine, metrics.edges), store, clock, logger });
  const upkeep = new Upkeep({ ...config.routing.upkeep, membership: fleet, store, clock, logger, instance });
  metrics.showUpkeep(() => upkeep.report);

  metrics.showWebhooks(config.webhooks.map(({ name }) => name));
  const couriers = new Couriers(config.webhooks, {
    store: estate.store,
    clock: estate.clock,
    logger,
    instance,
    leaseMs: webhookLeaseMs,
    onTry: (hook, outcome) => metrics.onWebhookTried(hook, outcome),
  });

  const service = createService({ estate, driver, keeper, watch, policy: config.policy });
  const ofWaves = {
    limits: config.waves.limits,
    instanceOf: instances(config),
    leaseMs: config.controller.leaseMs,
  };
  const waveDriver = new WaveDriver({
    ...ofWaves,
    store: estate.store,
    clock: estate.clock,
    migrations: service,
    logger,
    instance,
  });
  const purging = {
    estate,
    policy: config.policy,
    limits: config.purge,
    onDeleted: (homeRegion: string, rows: number) => metrics.onPurged(homeRegion, rows),
  };
  const purger = new Purger({ ...purging, logger, instance, leaseMs: config.controller.leaseMs });

  const begin = async () => {
    await estate.store.migrate();
    await estate.routing.start();
    estate.heartbeats.start();
    await driver.start();
    couriers.start();
    upkeep.start();
    waveDriver.start();
    purger.start();
  };
  const begun = beginWhenStoreAnswers(begin, estate, stopping.signal);
  await begun.firstTry;
  if (machine.samples !== false) {
    metrics.startSampling(
      {
        places: [...estate.sites, ...estate.clusters.values()],
        tables: estate.tables,
        proxies: openProxies(config, machine, metrics.edges),
        store: estate.store,
        leaseMs: config.controller.leaseMs,
      },
      config.metrics,
    );
  }
  return {
    service,
    metrics,
    operations: createOperations(estate, service),
    routing: createRouting(estate),
    orgs: createOrgs({ estate, policy: config.policy }),
    plans: createPlans(estate, {
      ...describeRoutes(routingOf(config)),
      ...describeTasks({ taskPrefix: config.dms.taskPrefix, heartbeat: heartbeatTable }),
    }),
    waves: createWaves({
      ...ofWaves,
      estate,
      policy: config.policy,
      rowsPerSecond: config.waves.rowsPerSecond,
      onCommand: () => waveDriver.wake(),
    }),
    purges: createPurges(purging),
    webhooks: createWebhooks(estate.store, config.webhooks),
    fleet: fleetService(config, estate, watch, keeper, machine.network),
    driver,
    async stop() {
      stopping.abort(new Error('the controller stops'));
      await begun.ended;
      await waveDriver.stop();
      await purger.stop();
      await driver.stop();
      await couriers.stop();
      await upkeep.stop();
      fleet.close();
      await wayBack.close();
      await estate.heartbeats.stop();
      await watch.stop();
      await metrics.stop();
      await closeEstate(estate);
    },
  };
}

function fleetService(
  { proxies, routing }: Config,
  estate: OpenEstate,
  watch: FleetWatch,
  keeper: RouteKeeper,
  network: Network,
): FleetService {
  const { store, routing: membership, clock, ids, logger } = estate;
  const numbers = (groups: { writerHostgroup: number; readerHostgroup?: number }) => Object.values(groups);
  const hostgroups = { source: numbers(routing.source), clusters: Object.values(routing.clusters).flatMap(numbers) };
  return createFleetService({
    add: { membership, store, clock, ids, logger, hostgroups },
    remove: { estate, membership, store, network, addresses: proxies },
    watch,
    keeper,
  });
}

/** Silence after which another controller delivers for a webhook (milliseconds): nobody waits, so it is no hurry. */
const webhookLeaseMs = 15_000;

/** Time between two tries to reach the store at the start (milliseconds). */
const storeEveryMs = 1_000;

/**
 * A controller whose store does not answer starts all the same: it says what is missing and begins when it can. Anything
 * but an outage ends the start with its error.
 */
function beginWhenStoreAnswers(
  begin: () => Promise<void>,
  { clock, logger }: Estate,
  signal: AbortSignal,
): { firstTry: Promise<void>; ended: Promise<void> } {
  const again = async (): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(storeEveryMs, signal).catch(() => {});
      if (signal.aborted) return;
      try {
        return await begin();
      } catch (error) {
        const level = isTransient(error) ? 'warn' : 'error';
        logger[level]({ err: error }, 'the store cannot be used yet');
      }
    }
  };
  let ended: Promise<void> = Promise.resolve();
  const firstTry = begin().catch((error) => {
    if (!isTransient(error)) throw error;
    logger.error({ err: error }, 'the store does not answer; nothing is moved until it does');
    ended = again();
  });
  return {
    firstTry,
    get ended() {
      return ended;
    },
  };
}
