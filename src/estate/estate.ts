import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Logger } from '../driver/logger.ts';
import type { Heartbeats } from '../heartbeat/heartbeats.ts';
import type { Clock } from '../ports/clock.ts';
import type { OrgDirectory } from '../ports/directory.ts';
import type { ExportFiles } from '../ports/exportFiles.ts';
import type { Ids } from '../ports/ids.ts';
import type { OrgTable, Place } from '../ports/place.ts';
import type { Replication } from '../ports/replication.ts';
import type { Routing } from '../ports/routing.ts';
import type { Store } from '../ports/store.ts';
import type { Comparisons } from '../proof/comparisons.ts';
import type { ReturnPath } from '../returnPath/returnPath.ts';
import type { ReverseTasks } from '../returnPath/reverseTask.ts';
import type { Samples } from '../soaking/samples.ts';
import type { RollbackTurns } from '../soaking/turns.ts';
import type { CompareOrg } from '../verification/index.ts';
import type { SourceLoad } from './sourceLoad.ts';

/** Everything that a move touches: what every step is given. */
export interface Estate {
  /** The first is the task's site. */
  readonly sites: readonly [Place, ...Place[]];
  /** By home region. */
  readonly clusters: ReadonlyMap<string, Place>;
  readonly replication: Replication;
  readonly routing: Routing;
  readonly directory: OrgDirectory;
  readonly store: Store;
  readonly exportFiles: ExportFiles;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly compareOrg: CompareOrg;
  readonly heartbeats: Heartbeats;
  readonly comparisons: Comparisons;
  readonly sourceLoad: SourceLoad;
  /** What the guards of all orgs share. */
  readonly samples: Samples;
  readonly returnPath: ReturnPath;
  readonly reverseTasks: ReverseTasks;
  readonly rollbackTurns: RollbackTurns;
  readonly logger: Logger;
  readonly tables: readonly OrgTable[];
  readonly catalogue: Catalogue;
  /** As whom the tasks write, as the fence knows them. */
  readonly fenceUsers: { readonly forward: readonly string[]; readonly reverse: readonly string[] };
  readonly holdHostgroups: { readonly from: number; readonly to: number };
  /** How long the proxies let clients wait beyond the longest hold, before they fail them (milliseconds). */
  readonly proxiesPatienceMs: number;
}

/** The cluster that serves a home region. The configuration was checked: a missing one is a defect. */
export function clusterOf(estate: Pick<Estate, 'clusters'>, homeRegion: string): Place {
  const cluster = estate.clusters.get(homeRegion);
  if (cluster === undefined) throw new RangeError(`no cluster serves ${homeRegion}`);
  return cluster;
}
