import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Limits } from '../../../src/waves/settings.ts';
import type { Policy } from '../../../statecharts/policy.ts';
import { HOME_REGIONS } from '../bigdb/index.ts';
import {
  type ControlServers,
  clusterIdVariables,
  type DatabaseServer,
  makeTempFolder,
  removeFolder,
  type Sites,
  startCluster,
  startControl,
  startSites,
} from '../databases/index.ts';
import { type DmsOptions, type DmsServer, startDms } from '../dms/start.ts';
import { type ProxySqlServer, startProxySql } from '../proxysql/start.ts';
import { type ControllerProcess, startController } from './controllerProcess.ts';
import { type Platform, setUpPlatform } from './platform.ts';

/** What to start. */
export interface LabOptions {
  /** Orgs of the platform. Default 6. */
  readonly orgs?: number;
  /** Default 2: one at each site. With four, two more stand on Nexus. */
  readonly proxies?: number;
  /** Home regions, each with a cluster of its own. Default 1. */
  readonly regions?: number;
  readonly routing?: 'user' | 'schema' | 'comment';
  /** Rows of the smallest org, about. Default 3,000. */
  readonly rows?: number;
  readonly policy?: Partial<Policy>;
  readonly waveLimits?: Partial<Limits>;
  /** Of the account at AWS; default: what AWS grants without being asked. */
  readonly dmsQuotas?: DmsOptions['quotas'];
  /** Told what is being done, a line each. */
  onProgress?(line: string): void;
}

/** The whole platform on this machine, without a controller. */
export interface Lab extends Platform {
  readonly baseDir: string;
  /** Where the controllers export rows to. */
  readonly exportsDirectory: string;
  readonly routing: 'user' | 'schema' | 'comment';
  readonly sites: Sites;
  readonly clusters: readonly { readonly homeRegion: string; readonly server: DatabaseServer }[];
  readonly control: ControlServers;
  readonly proxies: readonly ProxySqlServer[];
  readonly dms: DmsServer;
  /** Starts one more controller on the lab's store. */
  controller(name: string): Promise<ControllerProcess>;
  /** Ends everything and removes the folder. */
  stop(): Promise<void>;
}

/** Databases, proxies, replication service, data and fences: everything that a controller needs. Ready when it resolves. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const { orgs: orgCount = 6, proxies: proxyCount = 2, regions = 1, routing = 'user', rows = 3_000 } = options;
  const say = options.onProgress ?? (() => {});
  const baseDir = await makeTempFolder('bigdb-cutover-lab-');
  const started: (() => Promise<unknown>)[] = [];
  const controllers: ControllerProcess[] = [];
  const stop = async () => {
    await Promise.allSettled(controllers.map((controller) => controller.stop()));
    await Promise.allSettled(started.map((end) => end()));
    await removeFolder(baseDir);
  };
  const starting = async <T>(work: Promise<T>, end: (thing: T) => Promise<unknown>): Promise<T> => {
    const thing = await work;
    started.push(() => end(thing));
    return thing;
  };
  try {
    say('starting databases: two sites, the cluster, store and CoreDB');
    const homeRegions = HOME_REGIONS.slice(0, regions);
    const startingSites = starting(startSites({ baseDir }), (it) => it.stop());
    const startingControl = starting(startControl({ baseDir }), (it) => it.stop());
    const startingDms = starting(startDms({ baseDir, quotas: options.dmsQuotas }), (it) => it.stop());
    const startingClusters = homeRegions.map((region, index) =>
      starting(startCluster({ name: `aurora-${region}`, baseDir, variables: clusterIdVariables(index) }), (it) =>
        it.stop(),
      ),
    );
    // All have to have ended one way or the other before anything is stopped again.
    await Promise.allSettled([startingSites, startingControl, startingDms, ...startingClusters]);
    const [sites, control, dms] = [await startingSites, await startingControl, await startingDms];
    const clusterServers = await Promise.all(startingClusters);
    const clusters = clusterServers.map((server, index) => ({ homeRegion: homeRegions[index] ?? '', server }));

    say(`starting ${proxyCount} proxies`);
    const proxies = await Promise.all(
      proxyNames(proxyCount).map((name) => starting(startProxySql({ name, baseDir }), (it) => it.stop())),
    );
    const exportsDirectory = join(baseDir, 'exports');
    await mkdir(exportsDirectory);
    const platform = await setUpPlatform(
      {
        sites: sites.sites.map(({ server }) => server) as [DatabaseServer, DatabaseServer],
        clusters,
        store: control.store,
        coredb: control.coredb,
        dms,
        proxies,
      },
      {
        orgs: orgCount,
        rows,
        routing,
        policy: options.policy ?? {},
        waveLimits: options.waveLimits ?? {},
        exportsDirectory,
        say,
      },
    );
    return {
      ...platform,
      baseDir,
      exportsDirectory,
      routing,
      sites,
      clusters,
      control,
      proxies,
      dms,
      async controller(name) {
        const controller = await startController(name, platform.config(name), baseDir);
        controllers.push(controller);
        return controller;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Two on premises, one at each site; more of them stand on Nexus, in turn in two regions. */
function proxyNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => (index < 2 ? `proxy-lon${index + 1}` : `proxy-nexus${index - 1}`));
}
