import type { EffectRun } from '../driver/handlers.ts';
import type { Logger } from '../driver/logger.ts';
import { isTransient } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { MigrationRow, Store } from '../ports/store.ts';
import { SharedReading } from './shared.ts';

/** The store is asked this often, however many orgs wait (milliseconds). */
const lookEveryMs = 500;
/** A queue that was empty for so long is a new one, with an alert of its own (milliseconds). */
const quietMs = 60_000;
/** Orgs that trip together are written down in any order: the queue is judged once they all are (milliseconds). */
const settleMs = 500;
/** More orgs than ever go back at once. */
const rowsAtMost = 10_000;

/** How many orgs may go back at once, and which regions' orgs count together: those of one cluster or replication instance. */
export interface RollbackLimit {
  readonly atOnce: number;
  /** The region's own and those that share its replication instance. */
  together(homeRegion: string): readonly string[];
}

const waiting = (state: string) => state === 'rollingBack.catchUp';

interface Returning extends Pick<MigrationRow, 'id' | 'state' | 'sinceMs'> {
  readonly byPerson: boolean;
  /** Attempts at the flip since it began to go back: with the first it had its turn. */
  readonly tries: number;
}

/**
 * Ids whose turn it is, of the orgs on their way back. Those beyond `catchUp` are at it, also between two attempts, and
 * those that a person sent do not wait; the rest take the places that are left in the order in which they came. An org
 * that has its turn keeps it: who comes later is behind it.
 */
export function turnsOf(returning: readonly Returning[], atOnce: number): ReadonlySet<string> {
  const waits = ({ state, byPerson, tries }: Returning) => waiting(state) && !byPerson && tries === 0;
  const free = Math.max(0, atOnce - returning.filter((org) => !waits(org)).length);
  const queue = returning
    .filter(waits)
    .sort((one, other) => one.sinceMs - other.sinceMs || (one.id < other.id ? -1 : 1));
  return new Set([...returning.filter((org) => !waits(org)), ...queue.slice(0, free)].map(({ id }) => id));
}

/**
 * The queue of the orgs that trip together. It stands in the store, so that all controllers keep to one. It is a brake
 * and no fence: a step that was written down late, or clocks that differ, can let one more through.
 */
export class RollbackTurns {
  readonly #limit: RollbackLimit;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #returning: SharedReading<readonly (Returning & { homeRegion: string })[]>;
  /** When an org last waited here, by group (monotonic milliseconds): the alert is for the first of many. */
  readonly #waitedAtMs = new Map<string, number>();

  constructor(deps: { limit: RollbackLimit; store: Pick<Store, 'list'>; clock: Clock; logger: Logger }) {
    this.#limit = deps.limit;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#returning = new SharedReading(deps.clock, lookEveryMs / 2, async () => {
      const rows = await deps.store.list({ state: 'rollingBack', limit: rowsAtMost });
      return rows.map(({ id, state, sinceMs, homeRegion, journal }) => ({
        id,
        state,
        sinceMs,
        homeRegion,
        // One that another version runs has its place all the same: it is on its way.
        byPerson: journal === null || journal.context.returnRequested !== null,
        tries: journal?.context.tries ?? 0,
      }));
    });
  }

  /** Resolves when it is the org's turn; shows meanwhile what it waits for. */
  async wait(run: Pick<EffectRun, 'migration' | 'signal' | 'note' | 'waitsFor'>): Promise<void> {
    const { migrationId, homeRegion } = run.migration;
    if (run.migration.returnRequested !== null || run.migration.tries > 0) return;
    const group = [...this.#limit.together(homeRegion)].sort();
    await this.#clock.sleep(settleMs, run.signal);
    const ahead = await this.#ahead(migrationId, group);
    if (ahead === null) return;
    this.#alert(group);
    const reason = `its turn: ${this.#limit.atOnce} org(s) of ${group.join(', ')} may go back at once`;
    run.note(`alert: many orgs go back together; this one waits for ${reason}`, { code: 'ROLLBACK_QUEUED', ahead });
    for (let before: number | null = ahead; before !== null; ) {
      run.waitsFor(`${reason}; ${before} ahead of it`);
      await this.#clock.sleep(lookEveryMs, run.signal);
      this.#waitedAtMs.set(group.join(), this.#clock.monotonicMs());
      before = await this.#ahead(migrationId, group).catch((error: unknown) => {
        // Without an answer of the store it goes on waiting: nobody has let it through.
        if (!isTransient(error)) throw error;
        return before;
      });
    }
    run.note('it is its turn to go back');
  }

  #alert(group: readonly string[]): void {
    const nowMs = this.#clock.monotonicMs();
    const waitedAtMs = this.#waitedAtMs.get(group.join());
    this.#waitedAtMs.set(group.join(), nowMs);
    if (waitedAtMs !== undefined && nowMs - waitedAtMs < quietMs) return;
    this.#logger.error(
      { code: 'ROLLBACK_QUEUED', homeRegions: group, atOnce: this.#limit.atOnce },
      'many orgs go back together: some wait for their turn',
    );
  }

  /** Orgs that go back before this one; null when it is its turn. */
  async #ahead(migrationId: string, group: readonly string[]): Promise<number | null> {
    const returning = (await this.#returning.get()).filter(({ homeRegion }) => group.includes(homeRegion));
    if (turnsOf(returning, this.#limit.atOnce).has(migrationId)) return null;
    const since = returning.find(({ id }) => id === migrationId)?.sinceMs ?? Number.POSITIVE_INFINITY;
    return returning.filter(({ id, state, sinceMs }) => id !== migrationId && (!waiting(state) || sinceMs <= since))
      .length;
  }
}
