import type { Catalogue, TableName } from '../catalogue/catalogue.ts';
import type { Finding } from './finding.ts';
import type { FleetView, ProxyFacts } from './fleet.ts';
import type { ServerAddress } from './place.ts';
import type { OrgStatements, ProxyTraffic } from './traffic.ts';

/** Side of an org as a proxy sees it. */
export type Side = 'source' | 'cluster';

/**
 * Where a proxy sends an org's queries. `held`: writes wait in the hold hostgroup, plain reads go on to `serving`.
 * `parked`: reads wait too. `source` and `cluster`: nothing waits.
 */
export type Route =
  | { readonly kind: Side }
  | { readonly kind: 'held'; readonly serving: Side; readonly holdHostgroup: number }
  | { readonly kind: 'parked'; readonly serving: Side; readonly holdHostgroup: number };

/** Which org, for which attempt of which owner, a route is set. */
export interface RouteOwner {
  readonly orgId: number;
  readonly homeRegion: string;
  /** Slot of the org in the range of rule ids. */
  readonly slot: number;
  readonly epoch: number;
  readonly attempt: number;
}

/** An org that will not go back any more: its route may be one that it shares with others. */
export interface SettledOrg extends RouteOwner {
  /** Number of the pair of rules that it would share; 0 where none is needed. */
  readonly sharedPair: number;
}

/**
 * Slots that one pair of shared rules is for. PCRE compiles no pattern beyond 64 KiB, and a rule with such a one matches
 * nothing, silently. An id takes two bytes a digit and three for its alternative: with ten digits 23, so 2,500 of them
 * take 57,500.
 */
export const slotsPerPart = 2_500;

/** Which of the shared pairs an org belongs to, whoever else is in it: the same at every proxy, and for ever. */
export function partOf(slot: number): number {
  return Math.floor((slot - 1) / slotsPerPart);
}

/** How an org is led to its cluster at a proxy: `own` rules, a `shared` route, or `both` while the one gives way to the other. */
export type Sharing = 'own' | 'both' | 'shared';

/** Resolves when nobody is kept waiting by what comes next; rejects where it may not come any more. */
export type Pause = () => Promise<void>;

/**
 * `route`: an org goes elsewhere than its journal says. `rules`: an org's rules are not what their comment says. `shared`:
 * a shared route has not whom it should have, or has whom it should not. `published`: what runs is not what was loaded.
 * `saved`: a restart would come back with something else. `sentinel`: fast routing is not safe.
 */
export const driftKinds = ['route', 'rules', 'shared', 'published', 'saved', 'sentinel'] as const;

/** Where a proxy is not as the journals say, or not as it says itself. */
export interface Drift {
  readonly kind: (typeof driftKinds)[number];
  /** Null where it concerns all. */
  readonly orgId: number | null;
  readonly expected: string;
  readonly found: string;
  /** What the org's rules had as their comment: what puts them right has to find it still. */
  readonly comment: string | null;
}

/** An org at rest, and the side that its journal says. */
export interface ExpectedRoute extends RouteOwner {
  readonly side: Side;
}

/** What a look for drift found at one proxy. */
export interface ProxyAudit {
  readonly drift: readonly Drift[];
  /** Orgs whose rules say that a shared route leads them. */
  readonly shared: number;
  /** What the shared routes are, whole: the same at every proxy once all orgs are. */
  readonly sharedDigest: string;
}

/** What a proxy has for an org: the whole comment is what the next change has to match. */
export interface RouteState {
  /** Comment of the org's rules in the proxy's memory; null where it has none. */
  readonly comment: string | null;
  readonly route: Route | null;
  readonly epoch: number;
  readonly attempt: number;
}

/** An org's rules as they stand in a proxy's three layers, found by their comment alone. */
export interface PublishedRoute {
  readonly memory: RouteState;
  /** What the proxy goes by; null where no rule of the org is active there. */
  readonly runtime: Route | null;
  /** Comment that a restart would come back with; null where the disk has no rule of the org. */
  readonly disk: string | null;
  /** Slot that the org's rule ids stand for; null where it has no rules. */
  readonly slot: number | null;
}

/** A session of an org that keeps a drain from ending. */
export interface BlockingSession {
  readonly proxy: string;
  readonly sessionId: string;
  readonly user: string;
  readonly client: string;
  readonly ageMs: number;
  /** Why it counts: `transaction`, `statement`, `locked`, `get_lock`, `temporary_table`, `lock_tables`. */
  readonly because: string;
  /** Statement without its values. */
  readonly statement: string;
}

/** What one look at a proxy's sessions found. */
export interface DrainLook {
  readonly blocking: readonly BlockingSession[];
  /** Transactions that were open at the first look and still are: the next look has to be given them. */
  readonly openSinceHold: OpenTransactions;
}

/** Open transactions by session, with the proxy's figure for their age, which only ever grows within one. */
export type OpenTransactions = ReadonlyMap<string, number>;

/**
 * Errors that servers have answered an org's statements with at one proxy, since it counts. Where the proxy cannot tell
 * orgs apart by them (`Routing.tellsErrorsApart`): those that the cluster of its home region has answered anybody with.
 */
export type ClientErrors = (org: Pick<RouteOwner, 'orgId' | 'homeRegion'>) => number;

/** A statement of a client, without its values. */
export interface SeenStatement {
  readonly user: string;
  readonly statement: string;
  /** It begins with an org's annotation, by which proxies route it. */
  readonly annotated: boolean;
}

/** A form of statements that a proxy has passed on, without its values, or a statement as a client has prepared it (`exact`). */
export interface SentStatement {
  readonly user: string;
  readonly schema: string;
  /** Number of the form in the proxy's statistics; the same for the same form at every proxy. */
  readonly digest: string;
  readonly statement: string;
  /** The statement as people may see it: without values. */
  readonly shown: string;
  readonly exact: boolean;
  /** How often, since the proxy counts. */
  readonly count: number;
}

/** Statements on tables of the catalogue that nothing tells an org of, as far as a proxy's statistics show. */
export interface StrayStatements {
  readonly statements: readonly SentStatement[];
  /** An annotation may tell one of them: comments are cut from the statistics. */
  readonly perhapsAnnotated: boolean;
}

/** A server that an org is to be sent to, as one proxy has it. */
export interface DestinationServer extends ServerAddress {
  readonly status: string;
  readonly maxConnections: number;
  readonly usesTls: boolean;
  /** Connections that the proxy has there now. */
  readonly open: number;
  /** What the proxy's monitor last found, and how long ago (milliseconds); null where it does not look. */
  readonly lastLook: { readonly agoMs: number; readonly error: string | null } | null;
}

/** A user that an org's clients come as. */
export interface DestinationLogin {
  readonly user: string;
  /** The proxy lets its clients in, and goes on to servers as it. */
  readonly usable: boolean;
  readonly password: 'none' | 'plain' | 'mysql_native_password' | 'caching_sha2_password';
  /** Of clients, now. */
  readonly connections: number;
  /** Whether the proxy's password opens an account that keeps this; null where only a login would tell. */
  fits(plugin: string, hash: string): boolean | null;
}

/** Where a proxy would send an org, and as whom. */
export interface Destination {
  readonly servers: readonly DestinationServer[];
  readonly logins: readonly DestinationLogin[];
  /** Nobody but the org's clients logs in as these: then their connections are the org's. */
  readonly ownLogins: boolean;
}

/** A row of the proxy's own tables, by column. */
export type ProxyRow = Readonly<Record<string, string | null>>;

/** What a proxy has of the controller's, and of what the controller relies on. */
export interface ProxyPicture {
  /** The controller's own rules with the sentinel, in order: in memory, and the active ones as they run. */
  readonly rules: readonly ProxyRow[];
  readonly published: readonly ProxyRow[];
  /** The controller's own rows of fast routing, in order: in memory, and as they run. */
  readonly fast: readonly ProxyRow[];
  readonly fastPublished: readonly ProxyRow[];
  /** By org, what its rules say. */
  readonly routes: ReadonlyMap<number, RouteState>;
  /** Everybody else's rules as they run. */
  readonly foreign: readonly ProxyRow[];
  readonly users: ReadonlyMap<string, { readonly defaultHostgroup: number; readonly transactionPersistent: boolean }>;
  /** Servers (`host:port`) that can serve, by the hostgroups that the configuration names. */
  readonly servers: ReadonlyMap<number, readonly string[]>;
  /** Hold hostgroups that have servers. */
  readonly holds: readonly number[];
}

/** Of the catalogue, what statements name. */
export type CatalogueTables = Pick<Catalogue, 'tables' | 'techTables'>;

/** What a proxy says of itself: `refusals` name what stands in the way of every flip, `tooOld` among them. */
export interface Inspection {
  readonly version: string;
  readonly refusals: readonly string[];
  readonly tooOld: string | null;
  readonly connectTimeoutMs: number;
}

/** Whose own rules have to stay at a proxy. */
export interface OwnRulesNeeded {
  /** By org, why. */
  readonly reasons: ReadonlyMap<number, string>;
  /** Orgs of which this proxy has seen nothing since it counts: for them it proves nothing. */
  readonly unseen: ReadonlySet<number>;
}

/** One proxy. Every method may throw `ProxyUnavailableError`; `signal` ends waiting and drops the connection. */
export interface FleetProxy {
  readonly name: string;
  ping(signal?: AbortSignal): Promise<void>;
  /** Version and settings that routing depends on. */
  inspect(signal?: AbortSignal): Promise<Inspection>;
  /** What stands in the way of this org here, beside `refusals`. */
  findings(
    org: Pick<RouteOwner, 'orgId' | 'homeRegion'>,
    catalogue: CatalogueTables,
    signal?: AbortSignal,
  ): Promise<readonly Finding[]>;
  /** Makes the org's rules (inactive) and the sentinel where they are missing, and answers with what is there. */
  prepare(owner: RouteOwner, signal?: AbortSignal): Promise<RouteState>;
  /** Throws `ProxyDirtyError` where memory and runtime differ in anything of others'. */
  assertClean(signal?: AbortSignal): Promise<void>;
  readRoute(owner: Pick<RouteOwner, 'orgId' | 'slot'>, signal?: AbortSignal): Promise<RouteState>;
  /** The org's rules in memory, runtime and on disk, without knowing their numbers. For people: it asks three tables. */
  publishedRoute(orgId: number, signal?: AbortSignal): Promise<PublishedRoute>;
  /**
   * Changes the org's rules if their comment is exactly `expected`; saved, loaded and read back from the runtime.
   * Answers with the new comment. Repeating a change that is already there is no conflict. An org that a shared route
   * leads has its own rules back first, and is taken out of it.
   * Throws `RouteConflictError`, `RouteReadBackError`; `StaleEpochError` where `expected` is a newer owner's.
   */
  setRoute(owner: RouteOwner, step: string, route: Route, expected: string, signal?: AbortSignal): Promise<string>;
  /** How each org that has rules of ours is led, and the comment that says so. */
  sharings(
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<number, { readonly state: RouteState; readonly sharing: Sharing }>>;
  /**
   * Of these orgs, those whose own rules cannot give way to a shared route here, with the reason: something that the org
   * uses would be led otherwise.
   */
  needOwnRules(orgs: readonly SettledOrg[], signal?: AbortSignal): Promise<OwnRulesNeeded>;
  /**
   * Puts a shared route beside the own rules of these orgs, which go on deciding; saved, loaded. Answers with those whom
   * it leads, read back from the runtime. Whoever's rules are not at the cluster by now is left out.
   */
  share(orgs: readonly SettledOrg[], pause: Pause, signal?: AbortSignal): Promise<ReadonlySet<number>>;
  /** Puts the own rules of these orgs to rest where the shared route runs; answers with those whose rules rest. */
  settle(orgs: readonly SettledOrg[], pause: Pause, signal?: AbortSignal): Promise<ReadonlySet<number>>;
  /** Compares what it has of ours with what it should have. Orgs that are not named are not judged. */
  audit(
    expected: ReadonlyMap<number, ExpectedRoute>,
    moving: ReadonlySet<number>,
    pause: Pause,
    signal?: AbortSignal,
  ): Promise<ProxyAudit>;
  /** Puts right what was found, from what is there now; answers with what it could not. */
  mend(
    drift: readonly Drift[],
    expected: ReadonlyMap<number, ExpectedRoute>,
    pause: Pause,
    signal?: AbortSignal,
  ): Promise<readonly Drift[]>;
  /** Lets the parked queries through by giving the hold hostgroup the servers of `side`, if the org's comment is `comment`. */
  openHold(owner: RouteOwner, holdHostgroup: number, side: Side, comment: string, signal?: AbortSignal): Promise<void>;
  /**
   * Sessions of the org that are not at rest on `side`. By comment a transaction tells no org: all that were open when
   * every proxy had acknowledged the hold count until they end, and none that began later, for the org's own annotated
   * BEGIN would be waiting. `openSinceHold` is the last look's, null at the first one behind the hold.
   */
  blockingSessions(
    owner: RouteOwner,
    side: Side,
    openSinceHold: OpenTransactions | null,
    signal?: AbortSignal,
  ): Promise<DrainLook>;
  /** The cluster's servers and the org's users, as this proxy has them; nothing is tried. */
  destination(org: Pick<RouteOwner, 'orgId' | 'homeRegion'>, signal?: AbortSignal): Promise<Destination>;
  /** Servers that this proxy sends reads of a side to now, by its runtime; none where the side has no reader hostgroup. */
  readers(side: Side, homeRegion: string, signal?: AbortSignal): Promise<readonly ServerAddress[]>;
  /** Every server in the hostgroups that this proxy sends a side's writes and reads to, by its runtime, also one that is shunned now. */
  servers(side: Side, homeRegion: string, signal?: AbortSignal): Promise<readonly ServerAddress[]>;
  /** Number of queries waiting in the hold hostgroup. */
  waiting(holdHostgroup: number, signal?: AbortSignal): Promise<number>;
  /**
   * Statements of BigDB's users, running at this moment or prepared and in use; null where orgs are told apart by
   * something that every statement has.
   */
  lookAtStatements(signal?: AbortSignal): Promise<readonly SeenStatement[] | null>;
  /** By user of BigDB: transactions begun by a statement of their own, since the proxy counts. Costs it as much as its digests are many. */
  transactionsBegun(signal?: AbortSignal): Promise<ReadonlyMap<string, number>>;
  /** What is sent on these tables by anybody who is not told to be one org. Costs it as much as its digests are many. */
  strayStatements(tables: readonly TableName[], signal?: AbortSignal): Promise<StrayStatements>;
  /** What the org sends, or, where a comment tells orgs apart, anybody of BigDB; the most frequent forms of many. */
  statementsOf(
    org: Pick<RouteOwner, 'orgId'>,
    tables: readonly TableName[],
    signal?: AbortSignal,
  ): Promise<readonly SentStatement[]>;
  /** Errors of clients, counted since the proxy started. */
  clientErrors(signal?: AbortSignal): Promise<ClientErrors>;
  /** Connections to each side, and how long statements take. */
  traffic(signal?: AbortSignal): Promise<ProxyTraffic>;
  /** Statements of the given orgs; none where a proxy cannot tell orgs apart. Costs it as much as its digests are many. */
  orgStatements(orgs: readonly Pick<RouteOwner, 'orgId'>[], signal?: AbortSignal): Promise<readonly OrgStatements[]>;
  /** Takes the hold hostgroup's servers away if no session has it and none has a transaction on it; false where one has. */
  retireHold(holdHostgroup: number, signal?: AbortSignal): Promise<boolean>;
  /** What it tells of itself. */
  facts(signal?: AbortSignal): Promise<ProxyFacts>;
  /** All that adding a proxy compares. */
  picture(signal?: AbortSignal): Promise<ProxyPicture>;
  /**
   * Makes the controller's rules and rows of fast routing those of `like`: saved, loaded. For a proxy that is no member.
   * `before` is what was read there: a rule that is not as it was then is left alone.
   */
  adopt(
    change: {
      readonly like: Pick<ProxyPicture, 'rules' | 'fast'>;
      readonly before: Pick<ProxyPicture, 'rules' | 'fast'>;
    },
    signal?: AbortSignal,
  ): Promise<void>;
  /** Where each org that has rules of ours is sent, by the proxy's memory. */
  routes(signal?: AbortSignal): Promise<ReadonlyMap<number, Route['kind']>>;
  /** Orgs whose queries wait here: their rules lead to a hold. */
  held(signal?: AbortSignal): Promise<readonly number[]>;
  close(): void;
}

/** The proxies that the configuration names, whatever they are. */
export interface ConfiguredProxies {
  readonly proxies: readonly FleetProxy[];
  /** False where orgs are told apart by something that the proxies' statistics of errors do not carry. */
  readonly tellsErrorsApart: boolean;
  close(): void;
}

/** The fleet. */
export interface Routing {
  /** The members, as last read: all that a hold has to reach. */
  readonly proxies: readonly FleetProxy[];
  /** Reads from the store who is a member. */
  refresh(): Promise<FleetView>;
  /** The same for a loop that asks again and again: not older than a moment, and what was last read where the store does not answer. */
  recent(): Promise<void>;
  /** Whether a proxy is a member, as last read: a loop that waits for one that is not ends. */
  counts(proxy: FleetProxy): boolean;
  /** False where orgs are told apart by something that the proxies' statistics of errors do not carry. */
  readonly tellsErrorsApart: boolean;
  close(): void;
}
