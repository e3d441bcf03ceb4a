import type { EffectRun } from '../driver/handlers.ts';
import type { Logger } from '../driver/logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { MigrationRow, Store } from '../ports/store.ts';
import { SharedReading } from './shared.ts';

/** The store is asked this often, however many orgs wait (milliseconds). */
const lookEveryMs = 500;
/** More orgs than ever go back at once. */
const rowsAtMost = 10_000;

/** How many orgs may go back at once, and which regions' orgs count together: those of one cluster or replication instance. */
export interface RollbackLimit {
  readonly atOnce: number;
  /** The region's own and those that share its replication instance. */
  together(homeRegion: string): readonly string[];
}

type Returning = Pick<MigrationRow, 'id' | 'state' | 'sinceMs'> & { readonly byPerson: boolean };

/**
 * Ids whose turn it is, of the orgs on their way back. Those beyond `catchUp` are at it, and those that a person sent do
 * not wait; the rest take the places that are left in the order in which they came. An org that has its turn keeps it:
 * who comes later is behind it.
 */
export function turnsOf(returning: readonly Returning[], atOnce: number): ReadonlySet<string> {
  const waits = (org: Returning) => org.state === 'rollingBack.catchUp' && !org.byPerson;
  const free = Math.max(0, atOnce - returning.filter((org) => !waits(org)).length);
  const queue = returning
    .filter(waits)
    .sort((one, other) => one.sinceMs - other.sinceMs || (one.id < other.id ? -1 : 1));
  return new Set([...returning.filter((org) => !waits(org)), ...queue.slice(0, free)].map(({ id }) => id));
}

/** The queue of the orgs that trip together. It stands in the store, so that all controllers keep to one. */
export class RollbackTurns {
  readonly #limit: RollbackLimit;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #returning: SharedReading<readonly (Returning & { homeRegion: string })[]>;
  /** Orgs that wait here, by group; the alert is for the first of them. */
  readonly #waiting = new Map<string, number>();

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
        byPerson: journal.context.returnRequested !== null,
      }));
    });
  }

  /** Resolves when it is the org's turn; shows meanwhile what it waits for. */
  async wait(run: Pick<EffectRun, 'migration' | 'signal' | 'note' | 'waitsFor'>): Promise<void> {
    const { migrationId, homeRegion } = run.migration;
    if (run.migration.returnRequested !== null) return;
    const group = [...this.#limit.together(homeRegion)].sort();
    const ahead = await this.#ahead(migrationId, group);
    if (ahead === null) return;
    const key = group.join();
    this.#alert(key, group);
    const reason = `its turn: ${this.#limit.atOnce} org(s) of ${group.join(', ')} may go back at once`;
    run.note(`alert: many orgs go back together; this one waits for ${reason}`, { code: 'ROLLBACK_QUEUED', ahead });
    try {
      for (let before: number | null = ahead; before !== null; ) {
        run.waitsFor(`${reason}; ${before} ahead of it`);
        await this.#clock.sleep(lookEveryMs, run.signal);
        before = await this.#ahead(migrationId, group);
      }
    } finally {
      const left = (this.#waiting.get(key) ?? 1) - 1;
      if (left > 0) this.#waiting.set(key, left);
      else this.#waiting.delete(key);
    }
    run.note('it is its turn to go back');
  }

  #alert(key: string, group: readonly string[]): void {
    const waiting = this.#waiting.get(key) ?? 0;
    this.#waiting.set(key, waiting + 1);
    if (waiting > 0) return;
    this.#logger.error(
      { code: 'ROLLBACK_QUEUED', homeRegions: group, atOnce: this.#limit.atOnce },
      'many orgs go back together: some wait for their turn',
    );
  }

  /** Orgs that go back before this one; null when it is its turn. */
  async #ahead(migrationId: string, group: readonly string[]): Promise<number | null> {
    const returning = (await this.#returning.get()).filter(({ homeRegion }) => group.includes(homeRegion));
    const own = returning.find(({ id }) => id === migrationId);
    if (turnsOf(returning, this.#limit.atOnce).has(migrationId)) return null;
    // A reading from before its own step was written shows it not yet: all that are there are ahead of it.
    if (own === undefined) return returning.length;
    return returning.filter((org) => org.id !== migrationId && (org.state !== own.state || org.sinceMs <= own.sinceMs))
      .length;
  }
}
