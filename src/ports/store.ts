import type { MigrationContext } from '../../statecharts/context.ts';
import type { DeadlineName, EffectName } from '../../statecharts/effects.ts';
import type { JournalVersionError } from '../errors/store.ts';
import type { Attempt, Reason, TimelineEvent } from '../service/status.ts';
import type { OperationsStore } from './operations.ts';
import type { BinlogPosition } from './place.ts';

/** What is kept of the machine between two steps. */
export interface JournalEntry {
  readonly version: number;
  readonly value: unknown;
  readonly context: MigrationContext;
  /** Effects asked for and not ended; a new owner runs them again. */
  readonly asked: readonly EffectName[];
  /** Due times, epoch milliseconds. */
  readonly deadlines: Readonly<Partial<Record<DeadlineName, number>>>;
}

/** One migration as the store has it. */
export interface MigrationRow {
  readonly id: string;
  readonly orgId: number;
  readonly homeRegion: string;
  readonly state: string;
  readonly sinceMs: number;
  readonly createdAtMs: number;
  readonly ended: boolean;
  readonly journal: JournalEntry;
  /** Grows with every commit; a step commits only on the version it was computed from. */
  readonly revision: number;
  readonly epoch: number;
  readonly owner: string | null;
  /** The wave that it was made for; null for one that somebody made by hand. */
  readonly waveId: string | null;
}

/** A migration whose journal this version cannot read: what stands beside the journal, and why it was refused. */
export interface UnreadableRow extends Omit<MigrationRow, 'journal'> {
  readonly journal: null;
  readonly refusal: JournalVersionError;
}

export type NewTimelineEvent = Omit<TimelineEvent, 'seq' | 'at'> & { readonly atMs: number };

/** One step of the driver, committed whole or not at all. */
export interface StepCommit {
  readonly id: string;
  readonly epoch: number;
  readonly revision: number;
  readonly state: string;
  readonly sinceMs: number;
  readonly ended: boolean;
  readonly journal: JournalEntry;
  readonly timeline: readonly NewTimelineEvent[];
  /** Commands of the inbox whose effect this step holds: they leave it with the step, not before. */
  readonly commands: readonly number[];
}

/** A command in the inbox, until a step of its migration holds its effect. */
export interface InboxCommand {
  readonly id: number;
  readonly migrationId: string;
  readonly command: string;
  readonly actor: string;
  readonly reason: string | null;
}

/** What a controller found at a sign of life. */
export interface Beat {
  /** The store's own time, epoch milliseconds: deadlines are kept in it, for it is one for all controllers. */
  readonly storeMs: number;
  /** False where no earlier sign of life of this controller was there. */
  readonly known: boolean;
}

/** What one look for migrations without an owner came to. */
export interface Claim {
  /** Now this controller's; `from` is the silent owner, null where there was none. Held orgs come first. */
  readonly taken: readonly { readonly id: string; readonly from: string | null }[];
  /** Thought to be this controller's, and somebody else's by now. */
  readonly lost: readonly string[];
  /** Their owners had no lease at all; each was given one, that ends after the grace time unless it is renewed. */
  readonly leaseless: readonly { readonly id: string; readonly owner: string }[];
}

/** One attempt as the store has it. The decision is written once. */
export interface AttemptRow {
  readonly migrationId: string;
  readonly attempt: number;
  readonly epoch: number;
  readonly direction: 'forward' | 'back';
  readonly holdHostgroup: number;
  readonly decision: 'commit' | 'abort' | null;
  /** Where the other side's binlog stood when nothing moved: the start of the task that goes back. */
  readonly pinned: BinlogPosition | null;
}

/** What an attempt leaves for its readers. */
export interface AttemptReport {
  readonly phases: Attempt['phases'];
  readonly writePauseMs: number | null;
  readonly readPauseMs: number | null;
  readonly endedAtMs: number | null;
  readonly reason: Reason | null;
}

/** Results of effects that are too large for the machine's context, by name. */
export type RecordName =
  | 'findings'
  | 'snapshot'
  | 'progress'
  | 'verification'
  | 'verifyRequest'
  | 'comparison'
  | 'errorBaseline'
  | 'leftBehind'
  | 'wayBack'
  | 'purge';

/** One migration, as far as a reader has to know whether anything of it has changed. */
export interface MigrationVersion {
  readonly id: string;
  readonly orgId: number;
  /** Another one after every write that a status can show: of the row, its attempts, its records. */
  readonly version: string;
  readonly ended: boolean;
}

/** Sums over all migrations: one that has not changed says that nothing has. */
export interface ChangeSums {
  /** For those that are under way: the same as long as none of them changes, begins or ends. */
  readonly underWay: string;
  /** For those that have ended. */
  readonly ended: string;
}

/** What stands beside a migration's row. */
export interface MigrationParts {
  readonly attempts: readonly Attempt[];
  readonly records: ReadonlyMap<RecordName, unknown>;
}

/** Which side serves an org, by its journal. `held`: nobody is written to, and nothing is decided yet or all is being released. */
export interface ServedOrg {
  readonly orgId: number;
  /** `unknown` where this version could not read the journal. */
  readonly side: 'source' | 'held' | 'cluster' | 'unknown';
  readonly homeRegion: string;
  /** The migration that brought it there. */
  readonly migrationId: string;
  readonly sinceMs: number;
}

/** Every org that is not plainly at the source, at one moment. */
export interface Routes {
  /** Grows with every change of any org's side. */
  readonly revision: number;
  readonly orgs: readonly ServedOrg[];
}

export interface ListQuery {
  readonly state?: string;
  readonly homeRegion?: string;
  readonly orgId?: number;
  readonly id?: string;
  readonly ids?: readonly string[];
  readonly wave?: string;
  readonly limit: number;
  /** Id after which the page begins. */
  readonly after?: string;
}

/** All moves in figures, whoever owns them. */
export interface Census {
  /** Of those that have not ended; `unowned` have no living controller. */
  readonly active: readonly {
    readonly state: string;
    readonly homeRegion: string;
    readonly moves: number;
    readonly unowned: number;
  }[];
  readonly ended: readonly { readonly state: string; readonly moves: number }[];
  /** Controllers that said within the grace time that they live. */
  readonly controllers: number;
}

/** The journal, in a MySQL or MariaDB schema of its own. Throws `StoreUnavailableError` where it does not answer. */
export interface Store extends OperationsStore {
  /** Brings the schema up to date; refuses one that is newer than this program. */
  migrate(): Promise<void>;
  ping(): Promise<void>;

  /**
   * `OrgAlreadyMovingError` where the org has a migration that has not ended. The epoch goes on from the org's earlier
   * migrations: what they left at proxies and fences is older than anything this one writes. With `waveId` the wave has
   * to have the org still: `CommandNotAllowedError` where it was given up meanwhile.
   */
  create(input: {
    id: string;
    orgId: number;
    homeRegion: string;
    waveId?: string;
    state: string;
    atMs: number;
    journal: JournalEntry;
    timeline: readonly NewTimelineEvent[];
  }): Promise<void>;
  /** Throws `JournalVersionError` where this version cannot read the journal. */
  get(id: string): Promise<MigrationRow | null>;
  /** One journal that cannot be read keeps nobody from the others. */
  list(query: ListQuery): Promise<readonly (MigrationRow | UnreadableRow)[]>;
  /** As `list`, without what costs. */
  versions(query: ListQuery): Promise<readonly MigrationVersion[]>;
  /** One look at an index, whatever the number of migrations that somebody asks for. */
  changeSums(): Promise<ChangeSums>;
  /** What stands beside the rows of these migrations, in two statements whatever their number. */
  parts(ids: readonly string[]): Promise<ReadonlyMap<string, MigrationParts>>;
  /** The org's migration that was created last, ended or not; null where it never had one. */
  newestOf(orgId: number): Promise<MigrationRow | null>;
  /** Throws `OwnershipLostError` where epoch or revision are not the stored ones. */
  commit(step: StepCommit): Promise<void>;
  /** Timeline entries outside a step (notes of a running effect). */
  note(id: string, events: readonly NewTimelineEvent[]): Promise<void>;
  events(id: string, after: number, limit: number): Promise<readonly TimelineEvent[]>;
  /** Names of those who created and started it: they do not give the commands that need a second person. */
  starters(id: string): Promise<readonly string[]>;

  putRecord(id: string, name: RecordName, value: unknown): Promise<void>;
  getRecord(id: string, name: RecordName): Promise<unknown>;

  /** Makes the row of an attempt with a hold hostgroup that no other attempt has in use. Idempotent per (migration, attempt). */
  beginAttempt(input: {
    migrationId: string;
    attempt: number;
    epoch: number;
    direction: 'forward' | 'back';
    hostgroups: { from: number; to: number };
    atMs: number;
  }): Promise<AttemptRow>;
  /**
   * Writes the decision if none is there and (for a commit) the attempt's epoch is `epoch`; resolves to what stands.
   * A lost answer throws `StoreUnavailableError`: the caller has to ask again before it acts. With `fleetRevision` a
   * commit becomes an abort where the fleet is not the one that was held any more.
   */
  decide(input: {
    migrationId: string;
    attempt: number;
    epoch: number;
    decision: 'commit' | 'abort';
    pinned: BinlogPosition | null;
    fleetRevision?: number;
  }): Promise<'commit' | 'abort'>;
  getAttempt(migrationId: string, attempt: number): Promise<AttemptRow | null>;
  reportAttempt(migrationId: string, attempt: number, report: AttemptReport): Promise<void>;
  attempts(migrationId: string): Promise<readonly Attempt[]>;
  /** The hold hostgroup may be used again: no proxy has it any more. */
  retireAttempt(migrationId: string, attempt: number): Promise<void>;
  /** Attempts whose hold hostgroup has not been given back. */
  unretired(migrationId: string): Promise<readonly AttemptRow[]>;
  /** The org's slot in the range of rule ids; given once, kept for ever. */
  routeSlot(orgId: number): Promise<number>;

  routesRevision(): Promise<number>;
  routes(): Promise<Routes>;
  /** Null where the org never had a migration: it is at the source. */
  servedBy(orgId: number): Promise<ServedOrg | null>;

  /** A command for the owner of the migration, kept until a step holds its effect; resolves to its number. */
  postCommand(input: Omit<InboxCommand, 'id'>): Promise<number>;
  /** Commands for what the owner owns, in order. They stay until a step or `dropCommand` takes them out. */
  pendingCommands(owner: string): Promise<readonly InboxCommand[]>;
  /** A command that was refused, or is carried out by a step that stands. */
  dropCommand(id: number): Promise<void>;

  /** Says that the controller is alive; `graceMs` after the last word others may take its migrations. */
  beatController(instance: string): Promise<Beat>;
  /**
   * Takes active migrations that have no owner or whose owner is silent for `graceMs`, and what is this controller's
   * already but not `running` there (the answer to an earlier claim was lost, or its runner let go), `atMost` of them.
   * Each gets a new epoch. Leaves `resting` alone. Also names what is `running` though it belongs to somebody else by now.
   */
  claim(
    instance: string,
    graceMs: number,
    known: { readonly running: readonly string[]; readonly resting: readonly string[]; readonly atMost?: number },
  ): Promise<Claim>;
  /** True where this controller said within `graceMs` that it is alive, by the store's clock. */
  isAlive(instance: string, graceMs: number): Promise<boolean>;
  /**
   * Takes one migration from whoever owns it, an ended one too, and answers with its new epoch: everything that an
   * earlier owner still sends is refused from then on. Throws `UnknownMigrationError`.
   */
  seize(instance: string, id: string): Promise<number>;
  /** Lets go of everything this controller owns, so that another may take it at once. */
  release(instance: string): Promise<void>;
  /** Lets go of one migration. */
  releaseOne(instance: string, id: string): Promise<void>;
  /** Counts all moves; an owner that was silent for `graceMs` counts as none. */
  census(graceMs: number): Promise<Census>;
  close(): Promise<void>;
}
