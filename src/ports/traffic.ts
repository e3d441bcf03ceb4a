/** Where a hostgroup of a proxy leads: a side, or a hold that lets its queries through. `homeRegion` of a cluster only. */
export interface TrafficSide {
  readonly side: 'source' | 'cluster' | 'held';
  readonly homeRegion: string | null;
}

/** A proxy's connections to one side, all its servers together. */
export interface BackendPool extends TrafficSide {
  readonly used: number;
  readonly free: number;
  /** Most connections that the servers' settings allow; 0 where none is configured. */
  readonly limit: number;
  /** Connections that could not be made, and queries, since the proxy counts. */
  readonly errors: number;
  readonly queries: number;
}

/** Statements of one kind (`SELECT`) through a proxy since it counts, whoever sent them and wherever they went. */
export interface CommandTimes {
  readonly command: string;
  readonly sumUs: number;
  /** Statements by duration: one figure for each of `commandBoundsUs`, and one for what took longer than all. */
  readonly counts: readonly number[];
}

/** Upper bounds of ProxySQL's own brackets of durations (microseconds). */
export const commandBoundsUs = [
  100, 500, 1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 10_000_000,
] as const;

/** Writes of one user that a side has refused through a proxy, since it counts. */
export interface RefusedWrites extends TrafficSide {
  readonly user: string;
  readonly count: number;
}

/** What a proxy's small tables tell of its traffic. */
export interface ProxyTraffic {
  /** By the fence. */
  readonly refusals: readonly RefusedWrites[];
  /** By a server that keeps a table with triggers half read. */
  readonly triggerErrors: readonly RefusedWrites[];
  readonly pools: readonly BackendPool[];
  readonly commands: readonly CommandTimes[];
}

/** Statements of one form that one org sent to one side through a proxy, since it counts. Waiting in a hold is part of the time. */
export interface OrgStatements extends TrafficSide {
  readonly orgId: number;
  readonly digest: string;
  readonly count: number;
  readonly sumUs: number;
  readonly longestUs: number;
}

/** How much a server has to do. */
export interface PlaceLoad {
  readonly connected: number;
  readonly running: number;
  readonly limit: number;
}

/** Size of a table on disk as the server's own statistics have it: an estimate, never exact. */
export interface TableSize {
  readonly table: string;
  readonly dataBytes: number;
  readonly indexBytes: number;
  /** Allocated and not used: of its tablespace, where several tables share one. */
  readonly freeBytes: number;
}
