import { FIRST_CHUNK_ROWS, nextChunkRows } from '../adapters/mysql/deleteOrgRows.ts';
import { failureFrom } from '../driver/failure.ts';
import { type Logger, logOf } from '../driver/logger.ts';
import {
  isTransient,
  messageOf,
  PurgeRefusedError,
  PurgeSitesDifferError,
  RepairRefusedError,
  StaleEpochError,
  UnknownMigrationError,
  ViewLostError,
} from '../errors/index.ts';
import { beatSites } from '../estate/siteBeats.ts';
import { failpoint } from '../failpoints/failpoints.ts';
import { untilThawed } from '../flip/thaw.ts';
import type { OwnedPurge } from '../ports/purge.ts';
import type { Key } from '../verification/index.ts';
import type { PurgeDeps } from './deps.ts';
import { PurgeEnded, PurgeJournal } from './journal.ts';
import { type OrgTableRows, orgTables } from './orgTable.ts';
import { purgeRefusals, tasksLeft, tasksText } from './refusals.ts';

/** Rest before what did not answer is asked again (milliseconds). */
const againMs = 1_000;
/** How old the last look for tasks and for a freeze may be when a chunk begins (milliseconds). */
const lookAgainMs = 5_000;
/** Time between two looks whether a chunk has arrived at the other sites (milliseconds). */
const arrivalEveryMs = 50;

/**
 * Removes the rows of one completed org at the source, for as long as this controller owns the purge. What it rests on:
 * - Every chunk is one transaction that holds the org's fence row and asks its epoch: a stale owner deletes nothing.
 * - The fence has to be closed to everybody, before and in every chunk; it is never changed but for its epoch.
 * - Before each chunk the last one has arrived at every site and stands in the store: a new owner begins where this ended,
 *   because what is left is what is there.
 * - It knows the sites only: nothing here has a connection to a cluster's rows.
 */
export async function runPurge(
  deps: PurgeDeps,
  owned: OwnedPurge,
  { logger, signal }: { logger: Logger; signal: AbortSignal },
): Promise<void> {
  const { store, clock } = deps.estate;
  const journal = new PurgeJournal(owned, { store, clock, signal });
  const log = logOf(logger, { ...owned, attempt: 0 });
  const watching = journal.watch();
  try {
    await untilOver(deps, owned, journal, log);
  } catch (error) {
    if (signal.aborted) return;
    const ended = journal.signal.aborted ? journal.signal.reason : error;
    if (!(ended instanceof PurgeEnded)) throw error;
    log.info({ as: ended.as }, 'the purge ends here');
  } finally {
    journal.close();
    await watching;
  }
}

/** Tries again what did not answer; what stands in the way stops the purge, and says so. */
async function untilOver(deps: PurgeDeps, owned: OwnedPurge, journal: PurgeJournal, log: Logger): Promise<void> {
  const { clock, store } = deps.estate;
  const note = (message: string, data: Record<string, unknown> = {}) =>
    store.note(owned.migrationId, [
      { atMs: clock.nowMs(), type: 'note', state: 'completed', attempt: null, message, data },
    ]);
  for (;;) {
    try {
      await new Purge(deps, owned, journal).toTheEnd();
      const { rowsDeleted } = journal.status;
      await journal.record({ state: 'done', waitsFor: null, etaMs: 0 });
      log.info({ rowsDeleted }, 'purged');
      return await note(`purged: ${rowsDeleted} rows of the org are gone at the source`, { rowsDeleted });
    } catch (error) {
      journal.signal.throwIfAborted();
      if (error instanceof PurgeEnded) throw error;
      // A newer owner, of the purge or of the org, has taken the fence: whether it may go on is asked under a new epoch.
      if (error instanceof StaleEpochError) throw new PurgeEnded('lost');
      if (!isTransient(error) && !(error instanceof ViewLostError)) {
        const stopped =
          error instanceof RepairRefusedError ? new PurgeRefusedError(owned.orgId, [error.message]) : error;
        const reason = failureFrom(stopped);
        log.error({ err: error }, 'the purge stops');
        await journal.record({ state: 'stopped', waitsFor: null, etaMs: null, reason });
        return await note(`the purge stopped: ${reason.message}`, { failure: reason });
      }
      log.warn({ err: error }, 'the purge tries again');
      journal.waitsFor(messageOf(error));
      await clock.sleep(againMs, journal.signal);
    }
  }
}

/** One try, from the questions to the last row. */
class Purge {
  readonly #deps: PurgeDeps;
  readonly #owned: OwnedPurge;
  readonly #journal: PurgeJournal;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** Rows deleted since then (monotonic milliseconds), for the time to go. */
  #since = { atMs: 0, rows: 0 };

  constructor(deps: PurgeDeps, owned: OwnedPurge, journal: PurgeJournal) {
    this.#deps = deps;
    this.#owned = owned;
    this.#journal = journal;
  }

  async toTheEnd(): Promise<void> {
    const { estate } = this.#deps;
    const { migrationId, orgId, epoch } = this.#owned;
    const { signal } = this.#journal;
    const row = await estate.store.get(migrationId);
    if (row === null) throw new UnknownMigrationError(migrationId);
    const refusals = await purgeRefusals(this.#deps, row, signal);
    if (refusals.length > 0) throw new PurgeRefusedError(orgId, refusals);
    for (const site of estate.sites) await site.takeFence({ orgId, epoch, writer: 'nobody' }, signal);
    const tables = await orgTables(estate, { orgId, epoch });
    await this.#arrival();
    await this.#count(tables);
    this.#since = { atMs: estate.clock.monotonicMs(), rows: this.#journal.status.rowsDeleted };
    for (const table of tables) await this.#empty(table);
    await this.#arrival();
    for (const table of tables) await this.#assertEmpty(table);
  }

  /** What there is now is what is left; what was there at the first count and is not any more has been deleted. */
  async #count(tables: readonly OrgTableRows[]): Promise<void> {
    const { orgId } = this.#owned;
    const before = new Map(this.#journal.status.tables.map((each) => [each.table, each]));
    const counted: { table: string; rowsExpected: number; rowsDeleted: number }[] = [];
    for (const rows of tables) {
      const { table } = rows.table;
      const counts = await rows.count(this.#journal.signal);
      const left = counts[0]?.rows ?? 0;
      if (counts.some((count) => count.rows !== left)) {
        const text = counts.map(({ site, rows: found }) => `${found} rows at ${site}`).join(', ');
        throw new PurgeSitesDifferError(orgId, table, text);
      }
      const rowsExpected = before.get(table)?.rowsExpected ?? left;
      counted.push({ table, rowsExpected, rowsDeleted: Math.max(0, rowsExpected - left) });
    }
    await this.#journal.record({
      site: this.#deps.estate.sites[0].name,
      tables: counted,
      rowsExpected: sum(counted.map(({ rowsExpected }) => rowsExpected)),
      rowsDeleted: sum(counted.map(({ rowsDeleted }) => rowsDeleted)),
    });
  }

  async #empty(table: OrgTableRows): Promise<void> {
    const { estate, limits, onDeleted } = this.#deps;
    const { orgId, homeRegion } = this.#owned;
    const { signal } = this.#journal;
    let rows = Math.min(FIRST_CHUNK_ROWS, limits.chunkRows);
    for (let after: Key | null = null; ; ) {
      await this.#mayGoOn();
      const beganMs = estate.clock.monotonicMs();
      const { deleted, last } = await table.removeChunk(after, rows, signal);
      if (last === null) return;
      const tookMs = estate.clock.monotonicMs() - beganMs;
      onDeleted(homeRegion, deleted);
      await failpoint('purge.chunk.deleted', orgId);
      await this.#journal.record(this.#progress(table.table.table, deleted));
      await failpoint('purge.chunk.recorded', orgId);
      await this.#arrival();
      await estate.clock.sleep(tookMs * limits.restFactor, signal);
      after = last;
      rows = nextChunkRows(rows, tookMs, limits.chunkRows);
    }
  }

  #progress(table: string, deleted: number) {
    const { status } = this.#journal;
    const rowsDeleted = status.rowsDeleted + deleted;
    const passedMs = this.#deps.estate.clock.monotonicMs() - this.#since.atMs;
    const left = Math.max(0, (status.rowsExpected ?? 0) - rowsDeleted);
    const msPerRow = passedMs / Math.max(1, rowsDeleted - this.#since.rows);
    return {
      rowsDeleted,
      tables: status.tables.map((each) =>
        each.table === table ? { ...each, rowsDeleted: each.rowsDeleted + deleted } : each,
      ),
      etaMs: Math.round(left * msPerRow),
    };
  }

  /** Before every chunk: no task, no freeze, and a source that bears it. */
  async #mayGoOn(): Promise<void> {
    const { estate } = this.#deps;
    const { orgId } = this.#owned;
    const { signal, waitsFor } = this.#journal;
    await estate.sourceLoad.untilCalm(orgId, 'the purge goes on', waitsFor, signal);
    if (estate.clock.monotonicMs() - this.#lookedAtMs < lookAgainMs) return;
    await untilThawed(estate, this.#journal);
    const left = await tasksLeft(this.#deps, orgId, signal);
    if (left.length > 0) throw new PurgeRefusedError(orgId, [tasksText(left)]);
    this.#lookedAtMs = estate.clock.monotonicMs();
  }

  /** Waits until every site has what every other one has now: a beat that is sent behind it has arrived. */
  async #arrival(): Promise<void> {
    const { sites, clock } = this.#deps.estate;
    const { signal, waitsFor } = this.#journal;
    const sentAtMs = clock.monotonicMs();
    const beats = await beatSites(sites, this.#owned.orgId);
    for (let waited = false; ; waited = true) {
      const outstanding = await beats.outstanding(signal);
      if (outstanding.length === 0) {
        if (waited) waitsFor(null);
        return;
      }
      const forSeconds = Math.round((clock.monotonicMs() - sentAtMs) / 1_000);
      waitsFor(`what was deleted to arrive ${outstanding.join(', ')}; for ${forSeconds} s`);
      await clock.sleep(arrivalEveryMs, signal);
    }
  }

  async #assertEmpty(rows: OrgTableRows): Promise<void> {
    const left = (await rows.count(this.#journal.signal)).filter((count) => count.rows > 0);
    if (left.length === 0) return;
    const text = left.map(({ site, rows: found }) => `${found} rows are left at ${site}`).join(', ');
    throw new PurgeSitesDifferError(this.#owned.orgId, rows.table.table, text);
  }
}

const sum = (figures: readonly number[]) => figures.reduce((total, figure) => total + figure, 0);
