import type { EffectRun } from '../driver/handlers.ts';
import type { Estate } from '../estate/estate.ts';
import type { RouteOwner } from '../ports/routing.ts';
import type { AttemptRow } from '../ports/store.ts';
import { dropViews, type FlipAttempt, newAttempt } from './attempt.ts';

/**
 * The attempts that live in this controller's memory, one per migration. A new owner has none: it makes one from the
 * store's row, with nothing known but its numbers.
 */
export class Attempts {
  readonly #estate: Estate;
  readonly #byMigration = new Map<string, FlipAttempt>();

  constructor(estate: Estate) {
    this.#estate = estate;
  }

  /** The attempt under way, if this controller's memory has it. */
  peek(migrationId: string): FlipAttempt | undefined {
    return this.#byMigration.get(migrationId);
  }

  /** Begins the attempt, or takes it over from an owner that had only prepared: nothing was held under it. */
  async begin(run: EffectRun): Promise<FlipAttempt> {
    const { store, clock, holdHostgroups } = this.#estate;
    await this.forget(run.migration.migrationId);
    const row = await store.beginAttempt({
      migrationId: run.migration.migrationId,
      attempt: run.migration.attempt,
      epoch: run.epoch,
      direction: run.migration.direction,
      hostgroups: holdHostgroups,
      atMs: clock.nowMs(),
    });
    return this.#keep(run, row);
  }

  /** The attempt that the machine is in: from memory, or from the store's row where another owner began it. */
  async of(run: EffectRun): Promise<FlipAttempt> {
    const { migration, epoch } = run;
    const known = this.#byMigration.get(migration.migrationId);
    if (known !== undefined && known.owner.attempt === migration.attempt && known.owner.epoch === epoch) return known;
    const row = await this.#estate.store.getAttempt(migration.migrationId, migration.attempt);
    if (row === null) return this.begin(run);
    // The fleet may have changed under the owner before: its hold has to be found everywhere.
    await this.#estate.routing.refresh();
    await this.forget(migration.migrationId);
    return this.#keep(run, row);
  }

  async #keep(run: EffectRun, row: AttemptRow): Promise<FlipAttempt> {
    const attempt = newAttempt(run.migration, await this.owner(run), row.holdHostgroup);
    attempt.pinned = row.pinned;
    this.#byMigration.set(run.migration.migrationId, attempt);
    return attempt;
  }

  /** Whose the org's rules are from now on. */
  async owner({ migration, epoch }: Pick<EffectRun, 'migration' | 'epoch'>): Promise<RouteOwner> {
    return {
      orgId: migration.orgId,
      homeRegion: migration.homeRegion,
      slot: await this.#estate.store.routeSlot(migration.orgId),
      epoch,
      attempt: migration.attempt,
    };
  }

  async forget(migrationId: string): Promise<void> {
    const attempt = this.#byMigration.get(migrationId);
    this.#byMigration.delete(migrationId);
    if (attempt !== undefined) await dropViews(attempt);
  }
}
