import type { Driver } from '../driver/driver.ts';
import { JournalVersionError, UnknownMigrationError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { RouteKeeper } from '../flip/routeKeeper.ts';
import type {
  ChangeSums,
  ListQuery,
  MigrationParts,
  MigrationRow,
  MigrationVersion,
  UnreadableRow,
} from '../ports/store.ts';
import { type Answer, answerOf, digestOf } from './answer.ts';
import { Kept } from './kept.ts';
import { Latest, LatestOf } from './latest.ts';
import { type MigrationStatus, migrationStatusSchema } from './status.ts';
import { assembleStatus, unreadableStatus } from './statusOf.ts';

/** Room for answers (bytes): ten thousand migrations, and the pages that are asked for again and again. */
const migrationsBytes = 64_000_000;
const pagesBytes = 32_000_000;
const versionsBytes = 8_000_000;
/** While one is under way, the answers of the one before are sent: neither waits for the other. */
const looksAtOnce = 3;
/** A thousand who poll share a look at the sums every few milliseconds: one each would be most of what an answer costs. */
const sumsApartMs = 4;
/** What a version takes, about. */
const knownBytes = 250;

interface KeptAnswer extends Answer {
  readonly bytes: number;
  /** All that the answer was made from, but the time. */
  readonly madeFrom: string;
  /** Times (epoch milliseconds) between which it says the right ages. */
  readonly madeAtMs: number;
  readonly goodUntilMs: number;
}

interface Parts extends MigrationParts {
  readonly row: MigrationRow | UnreadableRow;
}

/**
 * Statuses of migrations, for many who ask again and again. Whether one is still right is known from a number in the
 * store and from what this controller's memory has: only where these have changed is it made anew. The number is read
 * first and the content behind it: a status may be newer than the number it is kept under, never older.
 */
export class Answers {
  readonly #deps: { readonly estate: Estate; readonly driver: Pick<Driver, 'runner'>; readonly keeper: RouteKeeper };
  readonly #migrations = new Kept<KeptAnswer>(migrationsBytes);
  readonly #pages = new Kept<Answer & { readonly bytes: number; readonly madeFrom: string }>(pagesBytes);
  readonly #known = new Kept<{ version: MigrationVersion; sum: string; bytes: number }>(versionsBytes);
  readonly #lists = new Kept<{ versions: readonly MigrationVersion[]; sum: string; bytes: number }>(versionsBytes);
  readonly #looks = new Map<string, Latest<Answer>>();
  readonly #sums: Latest<ChangeSums>;
  readonly #versions: LatestOf<string, MigrationVersion>;
  readonly #parts: LatestOf<string, Parts>;

  constructor(deps: { estate: Estate; driver: Pick<Driver, 'runner'>; keeper: RouteKeeper }) {
    this.#deps = deps;
    const { store, clock } = deps.estate;
    this.#sums = new Latest(() => store.changeSums(), looksAtOnce, { ms: sumsApartMs, clock });
    this.#versions = new LatestOf((ids) => this.#readVersions(ids), looksAtOnce);
    this.#parts = new LatestOf(async (ids) => {
      // The row last: what stands beside it may then be newer than the row, as it is while the owner writes.
      const beside = await store.parts(ids);
      const rows = await store.list({ ids, limit: ids.length });
      return new Map(rows.map((row) => [row.id, { row, ...(beside.get(row.id) ?? nothingBeside) }]));
    });
  }

  /** Throws `UnknownMigrationError`. */
  async one(id: string): Promise<Answer> {
    const version = await this.#versions.ask(id);
    if (version === undefined) throw new UnknownMigrationError(id);
    return this.#answer(version);
  }

  /** Reads anew only what may have changed since it was read: sums that are still the same say that nothing has. */
  async #readVersions(ids: readonly string[]): Promise<ReadonlyMap<string, MigrationVersion>> {
    const { store } = this.#deps.estate;
    // First: what is read behind them is as new as they are, or newer.
    const sums = await this.#sums.ask();
    const found = new Map<string, MigrationVersion>();
    const unknown: string[] = [];
    for (const id of ids) {
      const known = this.#known.get(id);
      if (known !== undefined && known.sum === sumOf(known.version, sums)) found.set(id, known.version);
      else unknown.push(id);
    }
    if (unknown.length === 0) return found;
    for (const version of await store.versions({ ids: unknown, limit: unknown.length })) {
      found.set(version.id, version);
      this.#known.set(version.id, { version, sum: sumOf(version, sums), bytes: knownBytes });
    }
    return found;
  }

  async #find(key: string, query: ListQuery): Promise<readonly MigrationVersion[]> {
    const { store } = this.#deps.estate;
    const { underWay, ended } = await this.#sums.ask();
    const sum = `${underWay} ${ended}`;
    const kept = this.#lists.get(key);
    if (kept?.sum === sum) return kept.versions;
    const versions = await store.versions(query);
    this.#lists.set(key, { versions, sum, bytes: versions.length * knownBytes });
    return versions;
  }

  /** A page of them; who asks for the same page meanwhile gets the same. */
  page(query: ListQuery): Promise<Answer> {
    const key = JSON.stringify(query);
    const asked = this.#looks.get(key);
    if (asked !== undefined) return asked.ask();
    const look = new Latest(() => this.#page(key, query), looksAtOnce);
    this.#looks.set(key, look);
    // Queries are as many as there are cursors: none is kept that nobody waits for.
    const forget = () => {
      if (look.idle) this.#looks.delete(key);
      else look.settled().then(forget, forget);
    };
    const answer = look.ask();
    answer.then(forget, forget);
    return answer;
  }

  /** Statuses of rows at hand, made for this one asker. */
  async statuses(rows: readonly (MigrationRow | UnreadableRow)[]): Promise<MigrationStatus[]> {
    const beside = await this.#deps.estate.store.parts(rows.map(({ id }) => id));
    return rows.map((row) => this.#make({ row, ...(beside.get(row.id) ?? nothingBeside) }).status);
  }

  async #page(key: string, { limit, ...query }: ListQuery): Promise<Answer> {
    const found = await this.#find(key, { ...query, limit: limit + 1 });
    const items = await Promise.all(found.slice(0, limit).map((version) => this.#answer(version)));
    const nextCursor = found.length > limit ? (found[limit - 1]?.id ?? null) : null;
    const madeFrom = `${nextCursor} ${items.map(({ etag }) => etag).join(' ')}`;
    const kept = this.#pages.get(key);
    if (kept?.madeFrom === madeFrom) return kept;
    const body = Buffer.concat([
      Buffer.from('{"items":['),
      ...items.flatMap((item, index) => (index === 0 ? [item.body] : [comma, item.body])),
      Buffer.from(`],"nextCursor":${JSON.stringify(nextCursor)}}`),
    ]);
    const page = { etag: `W/"${digestOf(madeFrom)}"`, body, madeFrom, bytes: body.length + madeFrom.length };
    this.#pages.set(key, page);
    return page;
  }

  async #answer(version: MigrationVersion): Promise<Answer> {
    const { id } = version;
    const nowMs = this.#deps.estate.clock.nowMs();
    const kept = this.#migrations.get(id);
    const isGood = kept !== undefined && kept.madeAtMs <= nowMs && nowMs < kept.goodUntilMs;
    if (isGood && kept.madeFrom === this.#madeFrom(version)) return kept;
    const parts = await this.#parts.ask(id);
    if (parts === undefined) throw new UnknownMigrationError(id);
    // From here on nothing is waited for: what the memory says is what stands in the answer.
    const madeFrom = this.#madeFrom(version);
    const madeAtMs = this.#deps.estate.clock.nowMs();
    const { status, goodUntilMs } = this.#make(parts);
    const answer = answerOf(status);
    const made = { ...answer, bytes: answer.body.length + madeFrom.length, madeFrom, madeAtMs, goodUntilMs };
    this.#migrations.set(id, made);
    return made;
  }

  #make(parts: Parts): { status: MigrationStatus; goodUntilMs: number } {
    const { estate, driver, keeper } = this.#deps;
    const { row } = parts;
    const unreadable = (refusal: JournalVersionError) => ({
      status: migrationStatusSchema.parse(unreadableStatus(row, refusal)),
      goodUntilMs: Number.POSITIVE_INFINITY,
    });
    if (row.journal === null) return unreadable(row.refusal);
    try {
      const made = assembleStatus(estate, keeper, driver.runner(row.id), row, parts);
      return { ...made, status: migrationStatusSchema.parse(made.status) };
    } catch (error) {
      if (!(error instanceof JournalVersionError)) throw error;
      return unreadable(error);
    }
  }

  /** The store's number, and what only the memory of this controller has. */
  #madeFrom({ id, orgId, version }: MigrationVersion): string {
    const { estate, driver, keeper } = this.#deps;
    const runner = driver.runner(id);
    const lag = estate.heartbeats.lag(orgId);
    const own =
      runner === undefined
        ? ''
        : `${runner.epoch}.${runner.steps} ${runner.sinceMs} ${runner.waitsFor ?? ''}\n${runner.notice ?? ''}`;
    const seen = lag === null ? '' : `${lag.atMs} ${lag.lagMs}`;
    return `${version}\n${own}\n${seen}\n${[...keeper.stragglers(id).keys()].join()}`;
  }
}

const sumOf = ({ ended }: MigrationVersion, sums: ChangeSums) => (ended ? sums.ended : sums.underWay);
const comma = Buffer.from(',');
const nothingBeside: MigrationParts = { attempts: [], records: new Map() };
