import type { Drift } from './routing.ts';

/** An org whose route can be compared with its journal. */
export interface RoutedOrg {
  readonly orgId: number;
  readonly homeRegion: string;
  readonly slot: number;
  readonly side: 'source' | 'held' | 'cluster' | 'unknown';
  /** Of the migration that brought it to its side, and of that one's newest attempt. */
  readonly epoch: number;
  readonly attempt: number;
  /** That migration is completed: nothing leads the org back by itself any more. */
  readonly completed: boolean;
}

/** What the last round over the proxies found. */
export interface UpkeepReport {
  readonly atMs: number;
  readonly proxies: readonly {
    readonly name: string;
    /** Seen at two looks in a row; the first ones, where there are many. */
    readonly drift: readonly Drift[];
    readonly drifts: number;
    /** Orgs that a shared route leads. */
    readonly shared: number;
    readonly sharedDigest: string;
  }[];
  /** Completed orgs that keep rules of their own, by reason; the first ones of each. */
  readonly ownRules: readonly { readonly reason: string; readonly orgs: number; readonly orgIds: readonly number[] }[];
}

/** Whether the controller that looks after the proxies may go on now. */
export type Turn =
  /** Another one looks after them. */
  | 'lost'
  /** Somebody is held: a command to a proxy would make them wait for longer. */
  | 'held'
  /** A proxy is being added: what it is given should not change meanwhile. */
  | 'joining'
  | 'go';

/** What looking after the proxies needs of the store. Throws `StoreUnavailableError` where it does not answer. */
export interface UpkeepStore {
  /** Every org that has numbers of its own at the proxies. */
  routedOrgs(): Promise<readonly RoutedOrg[]>;
  /** Number of the pair of rules that these orgs share; given once, kept for ever. */
  sharedPair(homeRegion: string, part: number): Promise<number>;
  /** Takes the lease, or keeps it, and looks whether anybody could be disturbed. */
  upkeepTurn(instance: string, leaseMs: number): Promise<Turn>;
  putUpkeepReport(report: UpkeepReport): Promise<void>;
  /** Null before the first round. */
  upkeepReport(): Promise<UpkeepReport | null>;
  endUpkeep(instance: string): Promise<void>;
}
