import type { OverviewChange, OverviewRow } from '../../http/live/overview.ts';
import type { FleetStatus } from '../../service/fleetStatus.ts';
import type { FreezeStatus } from '../../service/operations.ts';
import type { MigrationStatus, LagPoint as PastLag, TimelineEvent } from '../../service/status.ts';
import type { WaveOrgStatus, WaveStatus } from '../../service/waveStatus.ts';
import type { ServerEvent } from '../live/parser.ts';
import { type LagPoint, merged, withLag } from './lag.ts';
import { changed } from './overview.ts';

/** Why the controller cannot look, though it answers. */
export interface Trouble {
  readonly code: string;
  readonly detail: string;
  readonly remedy: string;
}

/** Everything that a stream has told so far. Null is what it has not said yet. */
export interface Feed {
  readonly rows: readonly OverviewRow[] | null;
  readonly status: MigrationStatus | null;
  readonly timeline: readonly TimelineEvent[];
  readonly lag: readonly LagPoint[];
  readonly fleet: FleetStatus | null;
  readonly waves: readonly WaveStatus[] | null;
  readonly wave: WaveStatus | null;
  /** In the wave's order. */
  readonly waveOrgs: readonly WaveOrgStatus[];
  readonly freeze: FreezeStatus | null;
  readonly trouble: Trouble | null;
  /** What the controller's clock is ahead of the browser's (milliseconds). */
  readonly aheadMs: number;
  /** The controller's version. */
  readonly version: string | null;
}

export const nothingHeard: Feed = {
  rows: null,
  status: null,
  timeline: [],
  lag: [],
  fleet: null,
  waves: null,
  wave: null,
  waveOrgs: [],
  freeze: null,
  trouble: null,
  aheadMs: 0,
  version: null,
};

/** The feed with one event more. What this page does not know, a newer controller says: it is passed over. */
export function heard(feed: Feed, { event, data }: ServerEvent, nowMs: number): Feed {
  const said: unknown = JSON.parse(data);
  switch (event) {
    case 'hello': {
      const { now, version } = said as { now: string; version: string };
      return { ...feed, aheadMs: Date.parse(now) - nowMs, version, trouble: null };
    }
    case 'trouble':
      return { ...feed, trouble: said as Trouble | null };
    case 'freeze':
      return { ...feed, freeze: said as FreezeStatus };
    case 'migrations':
      return { ...feed, rows: said as OverviewRow[] };
    case 'changes':
      return { ...feed, rows: changed(feed.rows ?? [], said as OverviewChange) };
    case 'status':
      return withStatus(feed, said as MigrationStatus);
    case 'timeline':
      return { ...feed, timeline: withEvent(feed.timeline, said as TimelineEvent) };
    case 'fleet':
      return { ...feed, fleet: said as FleetStatus };
    case 'waves':
      return { ...feed, waves: said as WaveStatus[] };
    case 'wave':
      return withWave(feed, said as WaveStatus);
    case 'waveOrgs':
      return { ...feed, waveOrgs: withOrgs(feed.waveOrgs, said as WaveOrgStatus[]) };
    default:
      return feed;
  }
}

/** A status that is heard, or that answered a command: an older one never takes the place of a newer. */
export function withStatus(feed: Feed, status: MigrationStatus): Feed {
  const { status: last } = feed;
  if (last !== null && last.id === status.id && last.version > status.version) return feed;
  return { ...feed, status, lag: withLag(feed.lag, status) };
}

/** As `withStatus`, of a wave. */
export function withWave(feed: Feed, wave: WaveStatus): Feed {
  const { wave: last } = feed;
  return last !== null && last.id === wave.id && last.version > wave.version ? feed : { ...feed, wave };
}

function withOrgs(orgs: readonly WaveOrgStatus[], changed: readonly WaveOrgStatus[]): readonly WaveOrgStatus[] {
  const all = new Map(orgs.map((org) => [org.orgId, org]));
  for (const org of changed) all.set(org.orgId, org);
  return [...all.values()].sort((a, b) => a.position - b.position);
}

/** The feed with what the controller measured before the page was opened, or while it was away. */
export function withHistory(feed: Feed, history: readonly PastLag[]): Feed {
  const past = history.map(({ at, ...lag }) => ({ atMs: Date.parse(at), ...lag }));
  return { ...feed, lag: merged(past, feed.lag) };
}

function withEvent(timeline: readonly TimelineEvent[], event: TimelineEvent): readonly TimelineEvent[] {
  // After a reconnect an event may come twice.
  return (timeline.at(-1)?.seq ?? 0) >= event.seq ? timeline : [...timeline, event];
}
