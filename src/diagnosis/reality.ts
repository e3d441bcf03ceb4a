import type { Estate } from '../estate/estate.ts';
import type { Clock } from '../ports/clock.ts';
import type { BinlogPosition, FenceRow, Heartbeat, Place, PlaceIdentity } from '../ports/place.ts';
import type { OrgTask } from '../ports/replication.ts';
import type { PublishedRoute } from '../ports/routing.ts';
import { type Observed, observe } from './observed.ts';

/** An org at one site or cluster. */
export interface PlaceReality {
  readonly name: string;
  readonly kind: Place['kind'];
  /** Region of a cluster; null at a site. */
  readonly homeRegion: string | null;
  readonly identity: Observed<PlaceIdentity>;
  readonly readOnly: Observed<boolean>;
  readonly fence: Observed<FenceRow | null>;
  readonly heartbeats: Observed<readonly Heartbeat[]>;
  readonly binlog: Observed<BinlogPosition>;
}

/** An org at one proxy. */
export interface ProxyReality {
  readonly name: string;
  readonly route: Observed<PublishedRoute>;
}

/** The org's tasks of one region. */
export interface RegionReality {
  readonly homeRegion: string;
  readonly tasks: Observed<readonly OrgTask[]>;
}

/** Everything about one org that does not depend on the journal. */
export interface Reality {
  readonly orgId: number;
  readonly homeRegion: Observed<string>;
  readonly places: readonly PlaceReality[];
  readonly proxies: readonly ProxyReality[];
  readonly regions: readonly RegionReality[];
}

/** Looks at every site, cluster, proxy and region at once. */
export async function lookAt(estate: Estate, orgId: number): Promise<Reality> {
  const { clock } = estate;
  await estate.routing.recent();
  const [homeRegion, places, proxies, regions] = await Promise.all([
    observe(clock, () => estate.directory.homeRegion(orgId)),
    Promise.all([...estate.sites, ...estate.clusters.values()].map((place) => placeReality(clock, place, orgId))),
    Promise.all(
      estate.routing.proxies.map(async (proxy) => ({
        name: proxy.name,
        route: await observe(clock, () => proxy.publishedRoute(orgId)),
      })),
    ),
    Promise.all(
      [...estate.clusters.keys()].map(async (region) => ({
        homeRegion: region,
        tasks: await observe(clock, () => estate.replication.describeTasksOf(orgId, region)),
      })),
    ),
  ]);
  return { orgId, homeRegion, places, proxies, regions };
}

async function placeReality(clock: Clock, place: Place, orgId: number): Promise<PlaceReality> {
  const [identity, readOnly, fence, heartbeats, binlog] = await Promise.all([
    observe(clock, () => place.identity()),
    observe(clock, () => place.isReadOnly()),
    observe(clock, () => place.readFence(orgId)),
    observe(clock, async () => (await place.readHeartbeats([orgId])).get(orgId) ?? []),
    observe(clock, () => place.binlogPosition()),
  ]);
  const { name, kind, homeRegion } = place;
  return { name, kind, homeRegion, identity, readOnly, fence, heartbeats, binlog };
}
